use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command};

use super::arguments::{model_argument, parameter_flags, parameters, parse, text};
use super::error::CliError;
use super::files::write_file;
use super::models::open_model;
use super::output::{output_argument, output_format};
use super::progress::ProgressBars;
use crate::config::{Limits, ModelsConfig};
use crate::service::{Context, ForwardCache, UseCase};

/// A command for a use case, with a flag for each of its parameters. Its answer goes to `output`
/// where the user names no file.
pub(super) fn use_case_command<U: UseCase>(name: &'static str, output: &'static str) -> Command {
    let command = Command::new(name)
        .arg(model_argument())
        .arg(output_argument(output, U::FORMATS))
        .args(parameter_flags(U::parameters()));
    Limits::augment_args(ModelsConfig::augment_args(command))
}

/// Loads the model, and checks the parameters.
///
/// # Errors
/// [`CliError::Load`] and [`CliError::Service`].
pub(super) fn prepare<U: UseCase>(matches: &ArgMatches) -> Result<(U, Context), CliError> {
    let parameters = parameters(U::parameters(), matches)?;
    let (models, forwards) = (open_model(matches)?, ForwardCache::with_capacity(0));
    let context = Context { models: models.into(), forwards, limits: parse(matches) };
    Ok((U::check(&parameters, &context)?, context))
}

/// Runs a use case that takes no picture, and writes its answer to the output file.
///
/// # Errors
/// [`CliError`].
pub(super) fn run_use_case<U: UseCase>(
    matches: &ArgMatches,
    input: &U::Input,
) -> Result<(), CliError> {
    let output = matches.get_one::<PathBuf>("output").cloned().unwrap_or_default();
    let format = output_format(&output, U::FORMATS)?;
    let (use_case, context) = prepare::<U>(matches)?;
    let bars = ProgressBars::new(1);
    let answer = bars.with_passes(|token| use_case.answer(input, format, &context, token))?;
    write_file(&output, &answer.body)?;
    match output == Path::new("-") {
        true => Ok(()),
        false => {
            let line =
                format!("{} -> {}: {}\n", text(matches, "MODEL"), output.display(), answer.summary);
            write_file(Path::new("-"), line.as_bytes())
        }
    }
}
