use std::fmt;
use std::time::{Duration, Instant};

use super::{Context, Parameter, Parameters, ServiceError};
use crate::runtime::CancellationToken;

/// The forms in which an answer can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// A PNG picture.
    Png,
    /// JSON, pictures inside as base64.
    Json,
    /// A ZIP archive of PNG pictures.
    Zip,
    /// numpy's archive of float32 arrays.
    Npz,
    /// numpy's file of one float32 array.
    Npy,
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
        }
    }

    /// Its file extension, by which the command line tells the forms apart.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Json => "json",
            Self::Zip => "zip",
            Self::Npz => "npz",
            Self::Npy => "npy",
        }
    }
}

/// What a use case gives back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The form of `body`.
    pub form: OutputFormat,
    /// The file.
    pub body: Vec<u8>,
    /// What the caller should know beside the file, as name and value.
    pub notes: Vec<(&'static str, String)>,
    /// How long each stage took.
    pub stages: Stages,
}

/// Where the time of one answer went.
#[derive(Debug, Clone)]
pub struct Stages {
    last: Instant,
    durations: Vec<(&'static str, Duration)>,
}

impl Stages {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self { last: Instant::now(), durations: Vec::with_capacity(8) }
    }

    /// Puts stages in front that ended before this clock was started.
    pub fn precede(&mut self, earlier: &[(&'static str, Duration)]) {
        self.durations.splice(..0, earlier.iter().copied());
    }

    /// Every stage with its time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.durations.iter().copied()
    }

    /// Ends the stage called `name` and starts the next; one that goes on becomes longer.
    pub fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        match self.durations.last_mut() {
            Some((last, duration)) if *last == name => *duration += now - self.last,
            _ => self.durations.push((name, now - self.last)),
        }
        self.last = now;
    }

    /// Ends the stage called `name`, within which another one took `duration` and goes on.
    pub fn end_with(&mut self, name: &'static str, other: &'static str, duration: Duration) {
        self.end(name);
        if let Some((_, whole)) = self.durations.last_mut() {
            let duration = duration.min(*whole);
            *whole -= duration;
            self.durations.push((other, duration));
        }
    }
}

/// As the value of a `Server-Timing` header: names and milliseconds.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, duration)) in self.durations.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name};dur={:.2}", duration.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

/// A picture and parameters in, a file out. One definition serves HTTP and the command line.
pub trait UseCase: Sized + Send + 'static {
    /// What it can be told.
    const PARAMETERS: &'static [Parameter];
    /// The forms it answers in, the default first.
    const FORMATS: &'static [OutputFormat];

    /// Checks everything that can be checked before the picture is looked at.
    ///
    /// # Errors
    /// What the caller got wrong.
    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError>;

    /// Decodes the picture, runs the network and writes the answer.
    ///
    /// # Errors
    /// What is wrong with the picture, and what went wrong with us.
    fn answer(
        &self,
        image: &[u8],
        form: OutputFormat,
        context: &Context,
        token: &CancellationToken,
    ) -> Result<Answer, ServiceError>;
}
