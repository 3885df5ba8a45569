use std::sync::Arc;

use super::settings::Settings;
use super::{ClassScore, ServiceError};
use crate::attribution::Extents;
use crate::config::{Activation, ParameterError, Parameters, excerpt, nearest};
use crate::explain;
use crate::onnx::{Attentions, Element, Facts, Grids, Head, Kind, Layer, LayerNames, Structure};
use crate::preprocess::Preset;
use crate::runtime::{Card, ClassName, Fingerprint, Source};

/// The name of the network's input for `layer`, unless the model has a layer of that name.
const INPUT: &str = "input";

/// The name of the note that lists what is assumed of the preprocessing.
pub(super) const ASSUMED: &str = "assumed";

/// What is known of a model: its names, layers, classes and settings.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    pub(super) name: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) card: Card,
    pub(super) labels: Vec<ClassName>,
    pub(super) input: String,
    pub(super) settings: Settings,
    pub(super) head: Head,
    pub(super) facts: Arc<Facts>,
    pub(super) names: Arc<LayerNames>,
    pub(super) grids: Grids,
    pub(super) layers: Vec<Layer>,
    pub(super) attentions: Attentions,
}

impl ModelInfo {
    /// What a model's files and graph say.
    pub(super) fn new(
        source: &Source,
        input: &str,
        settings: Settings,
        facts: Arc<Facts>,
        structure: Structure,
    ) -> Self {
        let Structure { head, grids, names, layers, attentions } = structure;
        Self {
            name: source.name.clone(),
            fingerprint: source.fingerprint,
            card: source.card.clone(),
            labels: source.labels.clone(),
            input: input.to_owned(),
            settings,
            head,
            facts,
            names: Arc::new(names),
            grids,
            layers,
            attentions,
        }
    }

    /// The same with the preprocessing of `preset`. It has another fingerprint, because forward
    /// passes are cached by it.
    pub(super) fn with_preset(&self, preset: Preset) -> Result<Self, ServiceError> {
        let settings = self.settings.with_preset(preset).ok_or_else(|| {
            ServiceError::Parameter(ParameterError::Invalid {
                name: "preset",
                value: preset.name().to_owned(),
                expected: "unit, raw or keras-tf; the model takes one channel".to_owned(),
            })
        })?;
        Ok(Self { settings, fingerprint: self.fingerprint.with(preset), ..self.clone() })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes whenever one of the model's files does.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The card with every gap filled.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The name of the picture input.
    #[must_use]
    pub fn input_name(&self) -> &str {
        &self.input
    }

    /// The layers in the order of evaluation.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The attentions between tokens.
    #[must_use]
    pub fn attentions(&self) -> &Attentions {
        &self.attentions
    }

    /// Where the logits are and what follows them.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The class names. Empty where the model has none.
    #[must_use]
    pub fn labels(&self) -> &[ClassName] {
        &self.labels
    }

    /// What answers tell of a preprocessing that is assumed. None where it is known.
    pub(super) fn assumed_note(&self) -> Option<(&'static str, String)> {
        Some((ASSUMED, self.settings.assumed_preprocessing()?))
    }

    /// The name by which the value of a layer is shown.
    #[must_use]
    pub fn layer_name<'n>(&'n self, value: &'n str) -> &'n str {
        self.names.name(value)
    }

    /// Further names of layers: alias and value.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let aliases = &self.card.layers.aliases;
        aliases.iter().map(|(alias, value)| (alias.as_str(), value.as_str()))
    }

    /// Whether the model ends in a softmax or sigmoid.
    #[must_use]
    pub fn gives_probabilities(&self) -> bool {
        self.settings.activation != Activation::Logits
    }

    /// The layer that a caller means by a module, an alias, or the ONNX name of any float value of
    /// the graph that depends on the picture.
    ///
    /// # Errors
    /// [`ServiceError::UnknownLayer`] with the most similar names.
    pub fn layer(&self, name: &str) -> Result<Layer, ServiceError> {
        let aliased = self.card.layers.aliases.get(name);
        let target = aliased.map_or(name, String::as_str);
        let target = match self.facts.get(target) {
            Some(_) => target,
            None => self.names.value(target).unwrap_or(target),
        };
        if let Some(layer) = self.layers.iter().find(|layer| layer.value == target) {
            return Ok(layer.clone());
        }
        let fact = self.facts.get(target);
        let floats = fact.filter(|fact| fact.element == Element::F32 && fact.constant.is_none());
        if let Some(fact) = floats {
            return Ok(Layer {
                value: target.to_owned(),
                module: self.names.module(target),
                kind: Kind::Value,
                shape: fact.shape.clone(),
                grid: self.grids.get(target),
                only_prefix_is_read: self.grids.only_prefix_is_read(target),
                parameters: 0,
            });
        }
        let listed = self.layers.iter().map(Layer::name);
        let names = listed.chain(self.aliases().map(|(alias, _)| alias)).chain(self.names.iter());
        Err(ServiceError::UnknownLayer {
            model: self.name.clone(),
            layer: excerpt(name),
            nearest: nearest(name, names).into_iter().map(str::to_owned).collect(),
        })
    }

    /// As [`layer`](Self::layer). [`INPUT`] is the network's input, unless the model has a layer of
    /// that name.
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    fn layer_or_input(&self, name: &str) -> Result<Layer, ServiceError> {
        match self.layer(name) {
            Err(ServiceError::UnknownLayer { .. }) if name == INPUT => self.layer(&self.input),
            found => found,
        }
    }

    /// The extents of a layer and of the network's input.
    #[must_use]
    pub fn extents(&self, layer: Option<&Layer>) -> Extents {
        let preprocessing = &self.settings.preprocessing;
        let [height, width] = preprocessing.size;
        let layer = layer.and_then(Layer::extents).unwrap_or_default();
        let tokens = self.attentions.known.first().map(|attention| attention.keys);
        let tokens = tokens.map_or([0, 0], |tokens| [tokens.height, tokens.width]);
        Extents { layer, input: [preprocessing.channels(), height, width], tokens }
    }

    /// The layers that a caller names, the input included, each once.
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    pub(super) fn named_layers(&self, parameters: &Parameters) -> Result<Vec<Layer>, ServiceError> {
        let mut layers: Vec<Layer> = Vec::new();
        for name in parameters.distinct("layer") {
            let layer = self.layer_or_input(name)?;
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
        Ok(layers)
    }

    /// The class that a caller means by an index, a label or an identifier. Case and the difference
    /// between spaces and underscores do not count.
    ///
    /// # Errors
    /// [`ServiceError::UnknownClass`] and [`ServiceError::AmbiguousClass`].
    pub fn class(&self, given: &str) -> Result<usize, ServiceError> {
        let classes = self.settings.classes;
        if let Ok(index) = given.trim().parse::<usize>()
            && index < classes
        {
            return Ok(index);
        }
        let wanted = normalized(given);
        let is_meant = |name: &ClassName| {
            normalized(&name.label) == wanted
                || name.id.as_deref().is_some_and(|id| normalized(id) == wanted)
        };
        let named = self.labels.iter().enumerate().filter(|(_, name)| is_meant(name));
        match named.map(|(index, _)| index).collect::<Vec<_>>().as_slice() {
            &[index] => Ok(index),
            [] => {
                let labels = self.labels.iter().map(|name| name.label.as_str());
                let nearest = nearest(given, labels).into_iter().map(str::to_owned).collect();
                Err(ServiceError::UnknownClass { class: excerpt(given), classes, nearest })
            }
            several => Err(ServiceError::AmbiguousClass {
                class: excerpt(given),
                indices: several.to_vec(),
            }),
        }
    }

    /// Every class with its score, the likeliest first. `logits` are the network's.
    #[must_use]
    pub fn ranked(&self, logits: &[f32]) -> Vec<ClassScore> {
        let mut scores = self.scored(logits);
        // The logit orders classes whose probabilities round to the same number.
        scores.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        scores
    }

    /// Every class with its score, by index.
    pub(super) fn scored(&self, logits: &[f32]) -> Vec<ClassScore> {
        let probabilities = match self.settings.activation {
            Activation::Logits => None,
            activation => Some(explain::probabilities(logits, activation)),
        };
        let score = |class| self.score(class, logits, probabilities.as_deref());
        (0..self.settings.classes).map(score).collect()
    }

    fn score(&self, class: usize, logits: &[f32], probabilities: Option<&[f64]>) -> ClassScore {
        let one_unit = logits.len() == 1 && self.settings.classes == 2;
        let logit = match (one_unit, class) {
            (true, 0) => -logits[0],
            (true, _) => logits[0],
            (false, class) => logits.get(class).copied().unwrap_or(f32::NAN),
        };
        ClassScore {
            class,
            name: self.labels.get(class).cloned(),
            probability: probabilities.and_then(|all| all.get(class).copied()),
            logit,
        }
    }
}

/// The spelling by which labels are compared.
fn normalized(text: &str) -> String {
    text.trim().to_lowercase().replace('_', " ")
}
