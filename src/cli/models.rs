use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::{ArgMatches, Args, Command};

use super::arguments::{model_argument, output_argument, parameter_flags, parameters, parse, text};
use super::cores::cores;
use super::error::CliError;
use super::files::write_file;
use crate::config::ModelsConfig;
use crate::runtime::Engine;
use crate::service::{GradientFile, LoadedModels, method_table, summary};

/// Loads the model that `MODEL` names: a path if it exists, otherwise a name in the models folder.
///
/// # Errors
/// [`CliError::Load`].
pub(super) fn open_model(matches: &ArgMatches) -> Result<LoadedModels, CliError> {
    let model = text(matches, "MODEL");
    let config: ModelsConfig = parse(matches);
    let engine = Engine::start(&config.engine, cores())
        .map_err(|cause| CliError::Server(cause.to_string()))?;
    if Path::new(model).exists() {
        return Ok(LoadedModels::open(Path::new(model), &engine)?);
    }
    Ok(LoadedModels::named(&config.folder, model, &engine)?)
}

/// `convscope summary`.
pub(super) fn summary_command() -> Command {
    ModelsConfig::augment_args(Command::new("summary"))
        .about("List the layers of a model with their shapes and parameters")
        .arg(model_argument())
}

/// Prints the layers of a model.
///
/// # Errors
/// [`CliError::Load`].
pub(super) fn print_summary(matches: &ArgMatches) -> Result<(), CliError> {
    let models = open_model(matches)?;
    print(&summary(models.get(None)?));
    Ok(())
}

/// `convscope methods`.
pub(super) fn methods_command() -> Command {
    Command::new("methods").about("List the methods of explanation")
}

/// Prints the methods of explanation.
pub(super) fn print_methods() {
    print(&method_table());
}

/// Prints to standard output. A reader that closes the pipe early, such as head, has read what it
/// needs.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// `convscope gradient`.
pub(super) fn gradient_command() -> Command {
    ModelsConfig::augment_args(Command::new("gradient"))
        .about("Derive the gradient graph of a model and write it as an ONNX file")
        .arg(model_argument())
        .args(parameter_flags(GradientFile::PARAMETERS))
        .arg(output_argument("gradient.onnx"))
}

/// Writes the gradient graph of a model.
///
/// # Errors
/// [`CliError`].
pub(super) fn write_gradient(matches: &ArgMatches) -> Result<(), CliError> {
    let models = open_model(matches)?;
    let parameters = parameters(GradientFile::PARAMETERS, matches)?;
    let request = GradientFile::check(&parameters, Arc::clone(models.get(None)?))?;
    write_file(Path::new(text(matches, "output")), &request.encode()?)
}
