use std::sync::Arc;

use super::answer_size::{AnswerSize, Encoding};
use super::{
    ClassScore, Classifier, Context, Job, OutputFormat, PictureFile, ServiceError, UseCase,
};
use crate::attribution::{
    Fuse, Map, MethodPlans, Need, NetworkEvaluator, Passes, Previews, Session, SharedGradients,
    Sign,
};
use crate::config::{Parameter, ParameterError, Parameters};
use crate::explain::Target;
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, Values};

mod check;
mod cost;
mod draw;
mod encode;
mod explanation;
mod gradcam;
mod parameters;
mod preview;
mod request;
mod size;

pub(super) use check::methods;
use check::{MAX_CLASSES, sign_of};
use encode::ExplanationJson;
pub(super) use explanation::ClassMap;
pub use explanation::Explanation;
pub use gradcam::GradCam;
pub(super) use parameters::{LAYER, common, method, of_methods};
use preview::Preview;
use request::ChosenMethod;
pub use request::Explain;

impl UseCase for Explain {
    type Input = PictureFile;
    type Output = Explanation;
    type Json<'o> = ExplanationJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Npy, OutputFormat::Npz];

    fn parameters() -> &'static [Parameter] {
        parameters::all()
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        let methods = methods(given)?;
        given.check(&parameters::table(&methods, true))?;
        Self::checked(given, methods, context)
    }

    fn check_format(&self, format: OutputFormat) -> Result<(), ServiceError> {
        let invalid = |name, values: Vec<&str>, expected: &str| {
            let (value, expected) = (values.join(", "), expected.to_owned());
            Err(ParameterError::Invalid { name, value, expected }.into())
        };
        if format == OutputFormat::Npy && self.methods.len() > 1 {
            let names = self.methods.iter().map(|chosen| chosen.method.name).collect();
            let expected = "one method for application/x-npy; application/x-npz takes several";
            return invalid("method", names, expected);
        }
        if format == OutputFormat::Npy && self.layers.len() > 1 && self.fuse.is_none() {
            let names = self.layers.iter().map(|layer| layer.name()).collect();
            let expected = "one layer for application/x-npy, or fuse; application/x-npz takes \
                            several";
            return invalid("layer", names, expected);
        }
        self.size_without_picture(format).map(|_| ())
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Explanation, ServiceError> {
        let prepared = self.prepare(&[], &job.token)?;
        job.stages.end("derive");
        let network = self.classifier.network();
        let outputs = network.output_set(&prepared.needed);
        let forward = context.forward(&self.classifier, &picture.0, outputs, job)?;
        let values = network.complete(&forward.values, &prepared.needed, &job.token)?;
        let logits = self.classifier.logits(&values)?;
        let classes = self.chosen_classes(&logits);
        job.token.announce(self.passes(classes.len()) - 1);
        let maps = self.maps(&classes, &values, &prepared.plans, job)?;
        let passes = 1 + maps.iter().map(|one| one.passes).sum::<u64>();
        job.stages.end("backward");
        Ok(Explanation { forward, maps, passes })
    }

    fn json<'o>(&'o self, output: &'o Explanation) -> Result<ExplanationJson<'o>, ServiceError> {
        self.explanation_json(output)
    }

    fn encode(
        &self,
        output: &Explanation,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        match format {
            OutputFormat::Npy => encode::npy(&output.maps),
            OutputFormat::Npz => encode::npz(&output.maps),
            _ => {
                let mut size = AnswerSize::with_limit(self.max_bytes);
                let draw = |max_pixels| self.draw(output, max_pixels);
                let drawing = size.add_picture(Encoding::Png, self.drawing.max_pixels, draw)?;
                job.stages.end_with("render", "encode", drawing.encoding);
                Ok(drawing.png)
            }
        }
    }

    /// The diagnosis of every map, in the order of the maps.
    fn notes(&self, output: &Explanation) -> Vec<(&'static str, String)> {
        let list = |of: &dyn Fn(&ClassMap) -> String| {
            output.maps.iter().map(of).collect::<Vec<_>>().join(",")
        };
        let probability =
            |one: &ClassMap| one.class.probability.map_or("none".to_owned(), |p| p.to_string());
        let layers: Vec<&str> = self.layers.iter().map(|layer| layer.name()).collect();
        let layers = (!layers.is_empty()).then(|| ("layer", layers.join(",")));
        let mut notes = vec![
            ("model", self.classifier.name().to_owned()),
            ("method", list(&|one| one.method.name.to_owned())),
            ("class", list(&|one| one.class.class.to_string())),
            ("probability", list(&probability)),
            ("empty", list(&|one| one.is_empty().to_string())),
            ("offset", list(&|one| one.offset().to_string())),
            ("saturated", list(&|one| one.seed.saturated.to_string())),
        ];
        notes.extend(layers);
        notes.extend(self.classifier.info().assumed_note());
        notes
    }

    /// The captions of all maps.
    fn summary(&self, output: &Explanation) -> String {
        let summary = |one: &ClassMap| {
            let empty = if one.is_empty() { " (empty map)" } else { "" };
            self.caption(one).replace("  ", " ") + empty
        };
        output.maps.iter().map(summary).collect::<Vec<_>>().join(", ")
    }
}

/// What the methods of a request need.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The compiled graphs.
    pub(super) plans: MethodPlans,
    /// The forward values that the methods and the graphs read.
    pub(super) needed: Vec<String>,
}

impl Explain {
    /// The compiled graphs that the methods need, and those for `further` needs.
    pub(super) fn prepare(
        &self,
        further: &[Need],
        token: &CancellationToken,
    ) -> Result<Prepared, ServiceError> {
        let needs = self.methods.iter().flat_map(|ChosenMethod { method, options }| {
            method.needs.iter().map(|need| need.with(options))
        });
        let needs: Vec<Need> = needs.chain(further.iter().copied()).collect();
        let explainer = self.classifier.explainer();
        let prepare = || {
            let mut plans = explainer.prepare(&self.layers, needs.iter(), token)?;
            let alters = |chosen: &ChosenMethod| chosen.method.alters_inputs(&chosen.options);
            if self.methods.iter().any(alters) {
                explainer.add_altered_inputs(&mut plans, &self.layers, token)?;
            }
            Ok(plans)
        };
        let plans = prepare().map_err(|error| self.classifier.attribution_error(error))?;
        let mut needed: Vec<String> = plans.residuals().cloned().collect();
        needed.extend(self.layers.iter().map(|layer| layer.value.clone()));
        Ok(Prepared { plans, needed })
    }

    /// The maps of all classes and methods. `values` are those of the forward pass, with all that
    /// is needed.
    pub(super) fn maps(
        &self,
        classes: &[ClassScore],
        values: &Values,
        plans: &MethodPlans,
        job: &Job,
    ) -> Result<Vec<ClassMap>, ServiceError> {
        let logits = self.classifier.logits(values)?;
        let known = PictureValues { logits: &logits, values, plans };
        let mut maps = Vec::new();
        for class in classes {
            maps.extend(self.explain(class, &known, job)?);
        }
        Ok(maps)
    }

    /// The same request about another network of the same shape.
    pub(super) fn with_classifier(&self, classifier: Arc<Classifier>) -> Self {
        Self { classifier, ..self.clone() }
    }

    /// What is explained of a class.
    pub(super) fn target(&self, class: usize) -> Target {
        let activation = self.classifier.info().settings().activation;
        Target { class, score: self.score, activation }
    }

    /// The classes named, then the likeliest others.
    pub(super) fn chosen_classes(&self, logits: &[f32]) -> Vec<ClassScore> {
        let ranked = self.classifier.info().ranked(logits);
        let score = |class: &usize| ranked.iter().find(|score| score.class == *class).cloned();
        let named = self.classes.iter().filter_map(score);
        let rest = ranked.iter().filter(|score| !self.classes.contains(&score.class));
        named.chain(rest.take(self.top).cloned()).take(MAX_CLASSES).collect()
    }

    /// The maps for one class: for each method one for each layer, or one if they are fused.
    ///
    /// All methods explain one layer before the next, so that only its gradients are kept.
    fn explain(
        &self,
        class: &ClassScore,
        picture: &PictureValues<'_>,
        job: &Job,
    ) -> Result<Vec<ClassMap>, ServiceError> {
        let shared = SharedGradients::default();
        let mut of_methods: Vec<Vec<ClassMap>> = self.methods.iter().map(|_| Vec::new()).collect();
        for layer in self.layers.iter().map(Some).chain([None]) {
            for (chosen, maps) in self.methods.iter().zip(&mut of_methods) {
                if chosen.method.reads_layer() == layer.is_some() {
                    maps.push(self.map(chosen, layer, class, picture, &shared, job)?);
                }
            }
            shared.keep_only(&self.classifier.explainer().input().value);
        }
        let fuse = |maps: Vec<ClassMap>| match self.fuse {
            Some(fuse) if maps.len() > 1 => fused(fuse, maps).into_iter().collect(),
            _ => maps,
        };
        Ok(of_methods.into_iter().flat_map(fuse).collect())
    }

    /// The map of one method for one class, at `layer` where the method reads one.
    fn map(
        &self,
        chosen: &ChosenMethod,
        layer: Option<&Layer>,
        class: &ClassScore,
        picture: &PictureValues<'_>,
        shared: &SharedGradients,
        job: &Job,
    ) -> Result<ClassMap, ServiceError> {
        let ChosenMethod { method, ref options } = *chosen;
        let (network, settings) = (self.classifier.network(), self.classifier.info().settings());
        let target = self.target(class.class);
        let sign = sign_of(method, self.sign);
        let passes = Passes::new(network.engine(), &job.token);
        let show = |map: &Map| {
            let map = if sign == Sign::Negative { map.negated() } else { map.clone() };
            let shown = Preview { method, layer, class: class.class, sign, map };
            // A preview that cannot be drawn is left out. The result follows in any case.
            if let Ok(json) = self.preview_json(&shown) {
                job.token.preview(json);
            }
        };
        let previews = Previews::new(&show);
        let evaluator = NetworkEvaluator {
            layer,
            input: self.classifier.explainer().input(),
            preprocessing: &settings.preprocessing,
            logits: &self.classifier.info().head().logits,
            values: picture.values,
            network,
            plans: picture.plans,
            passes: &passes,
            shared: (self.methods.len() > 1).then_some(shared),
            previews: job.token.wants_previews().then_some(&previews),
        };
        let explained = Session::new(&evaluator, picture.logits, target)
            .and_then(|session| Ok((method.map(&session, options)?, session.seed().clone())));
        let (map, seed) = explained.map_err(|error| self.classifier.attribution_error(error))?;
        // A method may have ended before it took all the passes that were announced, or another one
        // may have taken them.
        let (passes, most) = (passes.done(), method.all_passes(options, &self.extents(layer)));
        job.token.advance(most.saturating_sub(passes))?;
        let map = if sign == Sign::Negative { map.negated() } else { map };
        let (class, layers) = (class.clone(), layer.into_iter().cloned().collect());
        Ok(ClassMap { method, layers, class, seed, sign, map, passes })
    }
}

/// What is known of one picture: the values of its forward pass, and the graphs that read them.
struct PictureValues<'a> {
    logits: &'a [f32],
    values: &'a Values,
    plans: &'a MethodPlans,
}

/// One map of those of several layers.
fn fused(fuse: Fuse, maps: Vec<ClassMap>) -> Option<ClassMap> {
    let passes = maps.iter().map(|one| one.passes).sum();
    let layers = maps.iter().flat_map(|one| one.layers.iter().cloned()).collect();
    let raw: Vec<Map> = maps.iter().map(|one| one.map.clone()).collect();
    let first = maps.into_iter().next()?;
    let map = Map { score: first.map.score, hint: first.map.hint, ..fuse.fused(&raw) };
    Some(ClassMap { layers, map, passes, ..first })
}
