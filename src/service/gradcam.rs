use std::sync::Arc;

use super::backward::Backward;
use super::{
    CachedForward, ClassScore, Classifier, Context, Job, MODEL, OutputFormat, PictureFile,
    ServiceError, UseCase, channels,
};
use crate::config::{Parameter, Parameters};
use crate::explain::{Cam, Score, Seed, Sign, cam, seed};
use crate::onnx::Layer;
use crate::render::{Colormap, Drawing, HeatmapOptions, Panel, View, Window, heatmap};
use crate::runtime::{CancellationToken, Values};

mod encode;

const PARAMETERS: &[Parameter] = &[
    MODEL,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value to explain (default: the card's, else the last with \
               height and width)",
        repeatable: false,
    },
    Parameter {
        name: "class",
        value: "INDEX|LABEL|ID",
        help: "class to explain; give it again for more (default: the likeliest)",
        repeatable: true,
    },
    Parameter {
        name: "top",
        value: "1..=16",
        help: "explain so many classes, the likeliest first, beside those named",
        repeatable: false,
    },
    Parameter {
        name: "score",
        value: "probability|logit",
        help: "what is differentiated (default: probability)",
        repeatable: false,
    },
    Parameter {
        name: "sign",
        value: "positive|negative",
        help: "what spoke for the class, or against it (default: positive)",
        repeatable: false,
    },
    Parameter {
        name: "view",
        value: "overlay|heatmap|mask",
        help: "the heat over the picture, the heat alone, or the picture where there is heat \
               (default: overlay)",
        repeatable: false,
    },
    Parameter {
        name: "colormap",
        value: Colormap::NAMES,
        help: "colours of the heat (default: jet for overlays, viridis for heat maps)",
        repeatable: false,
    },
    Parameter {
        name: "alpha",
        value: "0..=1",
        help: "strength of the colours in an overlay (default: 0.4)",
        repeatable: false,
    },
];

/// Maps in one answer.
const CLASSES: usize = 16;

/// A checked request for Grad-CAM maps.
#[derive(Debug, Clone)]
pub struct GradCam {
    classifier: Arc<Classifier>,
    layer: Layer,
    classes: Vec<usize>,
    top: usize,
    score: Score,
    sign: Sign,
    options: HeatmapOptions,
}

/// The maps of every class, and the forward pass that they explain.
#[derive(Debug)]
pub struct Explanation {
    forward: Arc<CachedForward>,
    maps: Vec<Explained>,
}

/// One class's map.
#[derive(Debug)]
struct Explained {
    class: ClassScore,
    seed: Seed,
    cam: Cam,
}

impl UseCase for GradCam {
    type Input = PictureFile;
    type Output = Explanation;
    type Json<'o> = encode::GradCamJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Npy];

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(PARAMETERS)?;
        let classifier = context.classifier(parameters)?;
        let layer = classifier.explained_layer(parameters.text("layer"))?;
        let mut classes = Vec::new();
        for given in parameters.all("class") {
            let class = classifier.class(given)?;
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
        if classes.len() > CLASSES {
            return Err(ServiceError::TooManyClasses { classes: classes.len(), limit: CLASSES });
        }
        let defaults = HeatmapOptions::of(parameters.word("view")?.unwrap_or(View::Overlay));
        let options = HeatmapOptions {
            colormap: parameters.parsed("colormap")?.unwrap_or(defaults.colormap),
            alpha: parameters.fraction("alpha")?.unwrap_or(defaults.alpha),
            max_pixels: context.limits.output_pixels,
            ..defaults
        };
        let top = parameters.number("top", 1..=CLASSES)?;
        Ok(Self {
            top: top.unwrap_or(usize::from(classes.is_empty())),
            score: parameters.word("score")?.unwrap_or_default(),
            sign: parameters.word("sign")?.unwrap_or_default(),
            classifier,
            layer,
            classes,
            options,
        })
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Explanation, ServiceError> {
        let backward = self.classifier.backward(&self.layer)?;
        job.stages.end("derive");
        let mut needed = backward.residuals().to_vec();
        needed.push(self.layer.name.clone());
        let outputs = self.classifier.output_set(&needed);
        let forward = context.forward(&self.classifier, &picture.0, outputs, job)?;
        let values = self.classifier.complete(&forward.values, &needed, &job.token)?;
        let maps = self.explain(&backward, &values, &job.token)?;
        job.stages.end("backward");
        Ok(Explanation { forward, maps })
    }

    fn json<'o>(
        &'o self,
        output: &'o Explanation,
    ) -> Result<encode::GradCamJson<'o>, ServiceError> {
        self.gradcam_json(&output.forward, &output.maps)
    }

    fn encode(
        &self,
        output: &Explanation,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        if format == OutputFormat::Npy {
            return encode::npy(&output.maps);
        }
        let drawing = self.draw(&output.forward, &output.maps)?;
        job.stages.end_with("render", "encode", drawing.encoding);
        Ok(drawing.png)
    }

    fn notes(&self, output: &Explanation) -> Vec<(&'static str, String)> {
        self.map_notes(&output.maps)
    }
}

impl GradCam {
    fn explain(
        &self,
        backward: &Backward,
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Vec<Explained>, ServiceError> {
        let logits = self.classifier.logits(values)?;
        let one = |class| self.explain_class(backward, class, &logits, values, token);
        self.chosen(&logits).into_iter().map(one).collect()
    }

    /// The classes named, then the likeliest that were not.
    fn chosen(&self, logits: &[f32]) -> Vec<ClassScore> {
        let ranked = self.classifier.ranked(logits);
        let score = |class: &usize| ranked.iter().find(|score| score.class == *class).cloned();
        let named = self.classes.iter().filter_map(score);
        let rest = ranked.iter().filter(|score| !self.classes.contains(&score.class));
        named.chain(rest.take(self.top).cloned()).take(CLASSES).collect()
    }

    fn explain_class(
        &self,
        backward: &Backward,
        class: ClassScore,
        logits: &[f32],
        values: &Values,
        token: &CancellationToken,
    ) -> Result<Explained, ServiceError> {
        let activation = self.classifier.settings().activation;
        let mut seed =
            seed(logits, class.class, self.score, activation).map_err(ServiceError::internal)?;
        let cotangent = std::mem::take(&mut seed.cotangent);
        let sums = backward.sums(cotangent, values, token)?;
        let activations = channels(&self.layer, values.view(&self.layer.name)?)?;
        let cam = cam(activations, &sums, self.sign).map_err(ServiceError::internal)?;
        Ok(Explained { class, seed, cam })
    }

    /// One picture: the maps side by side, each under its class where there are several.
    fn draw(&self, seen: &CachedForward, explained: &[Explained]) -> Result<Drawing, ServiceError> {
        let heats: Vec<_> = explained.iter().map(|one| one.cam.heat()).collect();
        let several = explained.len() > 1;
        let panels: Vec<Panel<'_>> = explained
            .iter()
            .zip(&heats)
            .map(|(one, heat)| Panel { heat: heat.view(), caption: several.then(|| one.caption()) })
            .collect();
        let options = HeatmapOptions { window: self.window(seen), ..self.options };
        let engine = self.classifier.engine();
        let share = |count: usize, draw: &(dyn Fn(usize) + Sync)| engine.share(count, draw);
        Ok(heatmap(&seen.picture.pixels, &panels, &options, share)?)
    }

    /// Where in the picture the maps lie.
    fn window(&self, seen: &CachedForward) -> Window {
        let [left, top, width, height] = self.classifier.settings().recipe.window(&seen.picture);
        Window { left, top, width, height }
    }

    /// The diagnosis of every map, in the order of the maps.
    fn map_notes(&self, explained: &[Explained]) -> Vec<(&'static str, String)> {
        let list = |of: &dyn Fn(&Explained) -> String| {
            explained.iter().map(of).collect::<Vec<_>>().join(",")
        };
        vec![
            ("model", self.classifier.name().to_owned()),
            ("layer", self.layer.name.clone()),
            ("class", list(&|one| one.class.class.to_string())),
            (
                "probability",
                list(&|one| one.class.probability.map_or("none".to_owned(), |p| p.to_string())),
            ),
            ("empty", list(&|one| one.cam.empty.to_string())),
            ("saturated", list(&|one| one.seed.saturated.to_string())),
        ]
    }
}

impl Explained {
    /// The class, and how likely the network finds it.
    fn caption(&self) -> String {
        let label = self.class.label();
        match self.class.probability {
            Some(probability) => format!("{label}  {:.1} %", probability * 100.0),
            None => format!("{label}  {:.2}", self.class.logit),
        }
    }
}
