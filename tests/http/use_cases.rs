//! Use cases that only these tests have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use convscope::config::{Parameter, ParameterError, Parameters};
use convscope::runtime::RuntimeError;
use convscope::service::{Context, Job, OutputFormat, PictureFile, ServiceError, UseCase};
use serde_json::{Value, json};

/// Runs until it is cancelled. Tests that run at the same time use different `N`.
pub(crate) struct Endless<const N: usize>;

/// How many computations of [`Endless<N>`] are running, by `N`.
pub(crate) static RUNNING: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

impl<const N: usize> UseCase for Endless<N> {
    type Input = PictureFile;
    type Output = ();
    type Json<'o> = Value;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        &[]
    }

    fn check(_: &Parameters, _: &Context) -> Result<Self, ServiceError> {
        Ok(Self)
    }

    fn run(&self, _: &PictureFile, _: &Context, job: &mut Job) -> Result<(), ServiceError> {
        RUNNING[N].fetch_add(1, Ordering::SeqCst);
        job.token.announce(1);
        let _ = job.token.tick();
        let interrupted = loop {
            match job.token.check() {
                Ok(()) => std::thread::sleep(Duration::from_millis(1)),
                Err(interrupted) => break interrupted,
            }
        };
        RUNNING[N].fetch_sub(1, Ordering::SeqCst);
        Err(RuntimeError::from(interrupted).into())
    }

    fn json(&self, (): &()) -> Result<Value, ServiceError> {
        Ok(json!({}))
    }

    fn notes(&self, (): &()) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Panics, unless the picture is `slow`: then it takes two seconds and succeeds.
pub(crate) struct SlowOrPanic;

impl UseCase for SlowOrPanic {
    type Input = PictureFile;
    type Output = ();
    type Json<'o> = Value;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        &[]
    }

    fn check(_: &Parameters, _: &Context) -> Result<Self, ServiceError> {
        Ok(Self)
    }

    fn run(&self, picture: &PictureFile, _: &Context, _: &mut Job) -> Result<(), ServiceError> {
        assert_eq!(picture.0, &b"slow"[..], "a secret");
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    }

    fn json(&self, (): &()) -> Result<Value, ServiceError> {
        Ok(json!({}))
    }

    fn notes(&self, (): &()) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Needs no picture. It counts to `passes`, one pass each 5 ms.
pub(crate) struct Count {
    passes: usize,
    model: String,
}

const COUNT: &[Parameter] = &[
    Parameter { name: "model", value: "NAME", help: "the model", repeatable: false },
    Parameter { name: "passes", value: "1..=1000", help: "how far to count", repeatable: false },
];

impl UseCase for Count {
    type Input = ();
    type Output = usize;
    type Json<'o> = Value;
    const FORMATS: &'static [OutputFormat] = &[OutputFormat::Json];

    fn parameters() -> &'static [Parameter] {
        COUNT
    }

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(COUNT)?;
        let model = context.classifier(parameters)?.name().to_owned();
        let passes = parameters.number("passes", 1..=1000)?.unwrap_or(1);
        Ok(Self { passes, model })
    }

    fn run(&self, (): &(), _: &Context, job: &mut Job) -> Result<usize, ServiceError> {
        job.token.announce(self.passes as u64);
        for _ in 0..self.passes {
            std::thread::sleep(Duration::from_millis(5));
            job.token.tick().map_err(RuntimeError::from)?;
        }
        if self.passes == 13 {
            let (value, expected) = ("13".to_owned(), "a lucky number".to_owned());
            return Err(ParameterError::Invalid { name: "passes", value, expected }.into());
        }
        Ok(self.passes)
    }

    fn json(&self, counted: &usize) -> Result<Value, ServiceError> {
        Ok(json!({ "model": self.model, "counted": counted }))
    }

    fn notes(&self, _: &usize) -> Vec<(&'static str, String)> {
        vec![("model", self.model.clone())]
    }
}
