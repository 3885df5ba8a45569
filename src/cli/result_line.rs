//! The line that tells the result of one picture.

use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::CliError;
use crate::service::{Answer, OutputFormat, ServiceError};

/// What became of one picture.
pub(super) struct PictureResult<'a> {
    /// The picture's file.
    pub(super) picture: &'a Path,
    /// The answer, and the file that it was written to. Without a file, a line of JSON holds the
    /// whole answer.
    pub(super) answer: Result<(&'a Answer, Option<&'a Path>), &'a CliError>,
}

/// The line of JSON.
#[derive(Serialize)]
struct JsonLine<'a> {
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The values that HTTP sends as headers `convscope-…`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    notes: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl PictureResult<'_> {
    /// The line as text, for a picture that has an answer.
    pub(super) fn text(&self) -> Option<String> {
        let (answer, output) = self.answer.ok()?;
        let picture = self.picture.display();
        let line = match output {
            Some(output) => format!("{picture} -> {}: {}", output.display(), answer.summary),
            None => format!("{picture}: {}", answer.summary),
        };
        Some(one_line(&line))
    }

    /// The line as JSON.
    ///
    /// # Errors
    /// The answer is not JSON.
    pub(super) fn json(&self) -> Result<String, ServiceError> {
        let image = self.picture.display().to_string();
        let mut line =
            JsonLine { image, output: None, notes: Map::new(), answer: None, error: None };
        match self.answer {
            Err(error) => line.error = Some(error.to_string()),
            Ok((answer, None)) if answer.format == OutputFormat::Json => {
                let answer = serde_json::from_slice(&answer.body);
                line.answer = Some(answer.map_err(internal)?);
            }
            Ok((answer, output)) => {
                line.output = output.map(|output| output.display().to_string());
                let notes = answer.notes.iter();
                line.notes =
                    notes.map(|(name, value)| ((*name).into(), (&**value).into())).collect();
            }
        }
        serde_json::to_string(&line).map_err(internal)
    }

    /// Why the picture failed, with its name. An error of a file has a name already.
    pub(super) fn failure(&self) -> Option<String> {
        let error = self.answer.err()?;
        Some(one_line(&match error {
            CliError::File { .. } => error.to_string(),
            error => format!("{}: {error}", self.picture.display()),
        }))
    }
}

fn internal(error: serde_json::Error) -> ServiceError {
    ServiceError::Internal(error.to_string())
}

/// `text` without line breaks and other control characters, which a file's name can have.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
