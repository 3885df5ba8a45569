//! An HTML file of its own: predictions, maps, figures, and how they were made.

use minijinja::{Environment, context};

use super::{Evaluate, Evaluation, ServiceError};

mod means;
mod picture;

use means::means;
use picture::PictureReport;

const TEMPLATE: &str = include_str!("../../assets/report/report.html");

/// The name under which the template is known. `.html` turns escaping on.
const NAME: &str = "report.html";

/// A report of several pictures of one model, which grows picture by picture.
#[derive(Debug)]
pub struct Report {
    /// The command that makes it.
    command: String,
    pictures: Vec<PictureReport>,
    /// What is wrong with other pictures, each with its name.
    failures: Vec<String>,
    passes: u64,
}

impl Report {
    /// A report without pictures. `command` is shown as what made it.
    #[must_use]
    pub fn new(command: String) -> Self {
        Self { command, pictures: Vec::new(), failures: Vec::new(), passes: 0 }
    }

    /// Adds the evaluation of the picture called `name`.
    ///
    /// # Errors
    /// A picture in the report would be too large.
    pub fn add(
        &mut self,
        name: &str,
        request: &Evaluate,
        output: &Evaluation,
    ) -> Result<(), ServiceError> {
        self.pictures.push(PictureReport::of(name, request, output)?);
        self.passes += output.passes;
        Ok(())
    }

    /// Adds a picture that could not be evaluated.
    pub fn add_failure(&mut self, failure: String) {
        self.failures.push(failure);
    }

    /// The file. Pictures are sorted by the score of their first class, largest first.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub fn html(mut self, request: &Evaluate) -> Result<Vec<u8>, ServiceError> {
        self.pictures.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut environment = Environment::new();
        environment.add_template(NAME, TEMPLATE).map_err(ServiceError::internal)?;
        let template = environment.get_template(NAME).map_err(ServiceError::internal)?;
        for (index, picture) in self.pictures.iter_mut().enumerate() {
            picture.index = index + 1;
        }
        let info = request.classifier().info();
        let html = template.render(context! {
            version => env!("CARGO_PKG_VERSION"),
            model => info.name(),
            fingerprint => format!("{:?}", info.fingerprint()),
            assumed => info.settings().assumed_preprocessing(),
            layers => request.layer_names(),
            figures => request.figure_rows(),
            methods => request.method_rows(),
            parameters => request.parameter_rows(),
            means => means(&self.pictures),
            pictures => self.pictures,
            failures => self.failures,
            passes => self.passes,
            command => self.command,
        });
        Ok(html.map_err(ServiceError::internal)?.into_bytes())
    }
}
