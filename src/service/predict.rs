use std::sync::Arc;

use serde::Serialize;

use super::answer_size::AnswerSize;
use super::{
    CardValue, ClassScore, Classifier, Context, Job, MODEL, OutputFormat, PRESET, PictureFile,
    ServiceError, UseCase,
};
use crate::config::{Parameter, Parameters};
use crate::runtime::OutputSet;

const PARAMETERS: &[Parameter] = &[
    MODEL,
    PRESET,
    Parameter {
        name: "top",
        value: "1..=1000",
        help: "how many classes, the likeliest first (default: 5)",
        repeatable: false,
    },
];

/// A checked request for the likeliest classes.
#[derive(Debug, Clone)]
pub struct Predict {
    classifier: Arc<Classifier>,
    top: usize,
    /// The most bytes of the answer.
    max_bytes: u64,
}

/// The JSON answer: the likeliest classes.
#[derive(Debug, Serialize)]
pub struct Prediction<'a> {
    model: &'a str,
    /// What is assumed of the preprocessing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assumed: Vec<&'a CardValue>,
    predictions: &'a [ClassScore],
}

impl UseCase for Predict {
    type Input = PictureFile;
    type Output = Vec<ClassScore>;
    type Json<'o> = Prediction<'o>;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(PARAMETERS)?;
        Ok(Self {
            classifier: context.classifier(parameters)?,
            top: parameters.number("top", 1..=1000)?.unwrap_or(5),
            max_bytes: context.limits.output_bytes,
        })
    }

    fn check_format(&self, _: OutputFormat) -> Result<(), ServiceError> {
        let info = self.classifier.info();
        let classes = self.top.min(info.settings().classes) as u64;
        let bytes = classes * ClassScore::most_json_bytes(info.labels());
        AnswerSize::with_limit(self.max_bytes).add(bytes, "ask for fewer classes with top")
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Vec<ClassScore>, ServiceError> {
        let forward = context.forward(&self.classifier, &picture.0, OutputSet::Scores, job)?;
        let mut predictions =
            self.classifier.info().ranked(&self.classifier.logits(&forward.values)?);
        predictions.truncate(self.top);
        Ok(predictions)
    }

    fn json<'o>(
        &'o self,
        predictions: &'o Vec<ClassScore>,
    ) -> Result<Prediction<'o>, ServiceError> {
        let assumed = self.classifier.info().settings().assumed_of_the_input();
        Ok(Prediction { model: self.classifier.name(), assumed, predictions })
    }

    fn notes(&self, _: &Vec<ClassScore>) -> Vec<(&'static str, String)> {
        let mut notes = vec![("model", self.classifier.name().to_owned())];
        notes.extend(self.classifier.info().assumed_note());
        notes
    }

    fn summary(&self, predictions: &Vec<ClassScore>) -> String {
        let class = |one: &ClassScore| format!("{} {}", one.label(), one.score());
        predictions.iter().map(class).collect::<Vec<_>>().join(", ")
    }
}
