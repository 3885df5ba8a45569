use super::explain::methods;
use super::{Context, Explain, Job, OutputFormat, PictureFile, Report, ServiceError, UseCase};
use crate::config::{Parameter, ParameterError, Parameters};
use crate::render::RenderError;

mod check;
mod cost;
mod draw;
mod encode;
mod evaluated;
mod measure;
mod parameters;
mod repeat;
mod report;
mod request;

use check::ChosenFigure;
use encode::EvaluationJson;
pub use evaluated::Evaluation;
use parameters::DEFAULT_SEED;
pub(super) use report::{Cell, ReportMap, ReportRow};
pub use request::Evaluate;

impl UseCase for Evaluate {
    type Input = PictureFile;
    type Output = Evaluation;
    type Json<'o> = EvaluationJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Json, OutputFormat::Png, OutputFormat::Html];

    fn parameters() -> &'static [Parameter] {
        parameters::all()
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        let methods = methods(given)?;
        let figures = check::figures(given)?;
        given.check(&parameters::table(&methods, &figures))?;
        let bounds = check::bounds(given)?;
        if let (None, Some(figure)) = (bounds, figures.iter().find(|figure| figure.needs_box)) {
            return Err(ServiceError::Parameter(ParameterError::Invalid {
                name: "figure",
                value: figure.name.to_owned(),
                expected: "it needs a box around the object: give box=left,top,width,height"
                    .to_owned(),
            }));
        }
        let figures = figures.into_iter().map(|figure| ChosenFigure::read(figure, given));
        let request = Self {
            figures: figures.collect::<Result<_, _>>()?,
            explain: Explain::checked(given, methods, context)?,
            bounds,
            seed: given.number("seed", 0..=u32::MAX as usize)?.unwrap_or(DEFAULT_SEED) as u64,
            max_pixels: context.limits.output_pixels,
            given: given.clone(),
        };
        let (passes, limit) =
            (request.passes(request.explain.most_classes()), context.limits.passes);
        match passes > limit {
            true => Err(ServiceError::TooManyPasses { passes, limit }),
            false => Ok(request),
        }
    }

    fn check_format(&self, format: OutputFormat) -> Result<(), ServiceError> {
        if format == OutputFormat::Png && self.figures.iter().all(|it| it.figure.axes.is_none()) {
            return Err(RenderError::NoCurves.into());
        }
        self.check_size(format)
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<Evaluation, ServiceError> {
        self.evaluation(picture, context, job)
    }

    fn json<'o>(&'o self, output: &'o Evaluation) -> Result<EvaluationJson<'o>, ServiceError> {
        self.evaluation_json(output)
    }

    fn encode(
        &self,
        output: &Evaluation,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        if format == OutputFormat::Html {
            let mut report = Report::new(self.command(&[UNNAMED.to_owned()]));
            report.add(UNNAMED, self, output)?;
            return report.html(self);
        }
        let drawing = self.draw(output)?;
        job.stages.end_with("render", "encode", drawing.encoding);
        Ok(drawing.png)
    }

    fn notes(&self, output: &Evaluation) -> Vec<(&'static str, String)> {
        let classifier = &self.explain.classifier;
        let mut notes = vec![
            ("model", classifier.name().to_owned()),
            ("class", output.list(|class| class.score.class.to_string())),
        ];
        notes.extend(classifier.info().assumed_note());
        notes
    }

    fn summary(&self, output: &Evaluation) -> String {
        output.summary()
    }
}

/// The name of a picture that came without one.
const UNNAMED: &str = "picture";
