use std::sync::Arc;

use serde::Serialize;

use super::{
    Answer, ClassScore, Classifier, Context, MODEL, OutputFormat, OutputSet, Parameter, Parameters,
    ServiceError, Stages, UseCase,
};
use crate::runtime::CancellationToken;

const PARAMETERS: &[Parameter] = &[
    MODEL,
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
}

#[derive(Serialize)]
struct Prediction<'a> {
    model: &'a str,
    predictions: Vec<ClassScore>,
}

impl UseCase for Predict {
    const PARAMETERS: &'static [Parameter] = PARAMETERS;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(PARAMETERS)?;
        Ok(Self {
            classifier: context.classifier(parameters)?,
            top: parameters.number("top", 1..=1000)?.unwrap_or(5),
        })
    }

    fn answer(
        &self,
        image: &[u8],
        form: OutputFormat,
        context: &Context,
        token: &CancellationToken,
    ) -> Result<Answer, ServiceError> {
        let mut stages = Stages::start();
        let seen = context.look(&self.classifier, image, OutputSet::Scores, &mut stages, token)?;
        let mut predictions = self.classifier.ranked(&self.classifier.logits(&seen.values)?);
        predictions.truncate(self.top);
        let answer = Prediction { model: self.classifier.name(), predictions };
        let body = serde_json::to_vec(&answer).map_err(ServiceError::internal)?;
        stages.end("encode");
        let notes = vec![("model", self.classifier.name().to_owned())];
        Ok(Answer { form, body, notes, stages })
    }
}
