use bytes::Bytes;
use serde::Serialize;

use super::{Context, Job, ServiceError, Stages};
use crate::config::{Parameter, Parameters};
use crate::runtime::CancellationToken;

/// The formats that an output can be encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// A PNG picture.
    Png,
    /// JSON, pictures inside as base64.
    Json,
    /// A ZIP archive of PNG pictures.
    Zip,
    /// NumPy's archive of float32 arrays.
    Npz,
    /// NumPy's file of one float32 array.
    Npy,
    /// An ONNX model.
    Onnx,
    /// An HTML page of its own.
    Html,
}

impl OutputFormat {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Json => "application/json",
            Self::Zip => "application/zip",
            Self::Npz => "application/x-npz",
            Self::Npy => "application/x-npy",
            Self::Onnx => "application/octet-stream",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// Its file extension, by which the command line chooses the format.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Json => "json",
            Self::Zip => "zip",
            Self::Npz => "npz",
            Self::Npy => "npy",
            Self::Onnx => "onnx",
            Self::Html => "html",
        }
    }
}

/// What a use case gives back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The format of `body`.
    pub format: OutputFormat,
    /// The name under which a browser saves the file; see [`UseCase::FILE_NAME`].
    pub file_name: Option<&'static str>,
    /// The file.
    pub body: Vec<u8>,
    /// What the caller should know besides the file, as names and values.
    pub notes: Vec<(&'static str, String)>,
    /// The output in a few words.
    pub summary: String,
    /// How long each stage took.
    pub stages: Stages,
}

/// The bytes of a picture file: the input of most use cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile(pub Bytes);

impl From<Vec<u8>> for PictureFile {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// One thing that convscope can be asked for. HTTP and the command line serve every use case from
/// this one definition.
///
/// Computing and encoding are separate steps: the output can be used without being drawn.
pub trait UseCase: Sized + Send + Sync + 'static {
    /// What it works on besides its parameters: a [`PictureFile`], or `()` for nothing.
    type Input: Send + 'static;
    /// What it computes.
    type Output: Send;
    /// The output as JSON.
    type Json<'o>: Serialize
    where
        Self: 'o;
    /// The formats of the output. The first is the default.
    const FORMATS: &'static [OutputFormat];
    /// The name under which a browser saves the file. A browser shows a file without a name.
    const FILE_NAME: Option<&'static str> = None;

    /// The parameters that it takes.
    fn parameters() -> &'static [Parameter];

    /// Checks everything that can be checked without the input.
    ///
    /// # Errors
    /// What the caller got wrong.
    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError>;

    /// Refuses a format that the request cannot be answered in, and an answer that would be too
    /// large.
    ///
    /// # Errors
    /// What the caller got wrong.
    fn check_format(&self, _format: OutputFormat) -> Result<(), ServiceError> {
        Ok(())
    }

    /// Computes the output.
    ///
    /// # Errors
    /// What is wrong with the input, and internal errors.
    fn run(
        &self,
        input: &Self::Input,
        context: &Context,
        job: &mut Job,
    ) -> Result<Self::Output, ServiceError>;

    /// The output as a value that serializes to JSON.
    ///
    /// # Errors
    /// A picture in it may be too large.
    fn json<'o>(&'o self, _output: &'o Self::Output) -> Result<Self::Json<'o>, ServiceError> {
        Err(ServiceError::Internal("this use case does not write JSON".to_owned()))
    }

    /// The output as a file of any format but JSON.
    ///
    /// # Errors
    /// A picture may be too large.
    fn encode(
        &self,
        _output: &Self::Output,
        format: OutputFormat,
        _job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        Err(ServiceError::Internal(format!("this use case does not write {format:?}")))
    }

    /// What the caller should know besides the file, as names and values. HTTP sends these as
    /// headers.
    fn notes(&self, output: &Self::Output) -> Vec<(&'static str, String)>;

    /// The output in a few words, for a list of several answers.
    fn summary(&self, _output: &Self::Output) -> String {
        String::new()
    }

    /// Computes the output and encodes it.
    ///
    /// # Errors
    /// As [`run`](Self::run), [`json`](Self::json) and [`encode`](Self::encode).
    fn answer(
        &self,
        input: &Self::Input,
        format: OutputFormat,
        context: &Context,
        token: &CancellationToken,
    ) -> Result<Answer, ServiceError> {
        self.check_format(format)?;
        let mut job = Job::new(token.clone());
        let output = self.run(input, context, &mut job)?;
        let body = match format {
            OutputFormat::Json => {
                serde_json::to_vec(&self.json(&output)?).map_err(ServiceError::internal)?
            }
            format => self.encode(&output, format, &mut job)?,
        };
        job.stages.end("encode");
        let (notes, summary) = (self.notes(&output), self.summary(&output));
        let (file_name, stages) = (Self::FILE_NAME, job.stages);
        Ok(Answer { format, file_name, body, notes, summary, stages })
    }
}
