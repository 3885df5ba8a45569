use std::sync::LazyLock;

use super::encode::ExplanationJson;
use super::{Explain, Explanation, parameters};
use crate::attribution::{Method, find_method};
use crate::config::{Parameter, Parameters};
use crate::service::{Context, Job, OutputFormat, PictureFile, ServiceError, UseCase};

/// [`Explain`] with the method Grad-CAM.
#[derive(Debug, Clone)]
pub struct GradCam(Explain);

fn method() -> Result<&'static Method, ServiceError> {
    Ok(find_method("gradcam")?)
}

impl UseCase for GradCam {
    type Input = PictureFile;
    type Output = Explanation;
    type Json<'o> = ExplanationJson<'o>;
    const FORMATS: &'static [OutputFormat] = Explain::FORMATS;

    fn parameters() -> &'static [Parameter] {
        static TABLE: LazyLock<Vec<Parameter>> =
            LazyLock::new(|| method().map(parameters::of_method).unwrap_or_default());
        &TABLE
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        given.check(Self::parameters())?;
        Explain::checked(given, vec![method()?], context).map(Self)
    }

    fn check_format(&self, format: OutputFormat) -> Result<(), ServiceError> {
        self.0.check_format(format)
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Explanation, ServiceError> {
        self.0.run(picture, context, job)
    }

    fn json<'o>(&'o self, output: &'o Explanation) -> Result<ExplanationJson<'o>, ServiceError> {
        self.0.json(output)
    }

    fn encode(
        &self,
        output: &Explanation,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        self.0.encode(output, format, job)
    }

    fn notes(&self, output: &Explanation) -> Vec<(&'static str, String)> {
        self.0.notes(output)
    }

    fn summary(&self, output: &Explanation) -> String {
        self.0.summary(output)
    }
}
