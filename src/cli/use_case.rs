use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Args, Command};

use super::arguments::{model_argument, output_argument, parameter_flags, parameters, parse, text};
use super::error::CliError;
use super::files::{read_file, write_file};
use super::models::open_model;
use super::progress::with_progress_bar;
use super::report::report_assumed;
use crate::config::{Limits, ModelsConfig};
use crate::service::{Context, ForwardCache, OutputFormat, PictureFile, UseCase};

/// The input of a use case, as it is read from the command line.
pub(super) trait CommandInput: Sized {
    /// The arguments that name the input.
    fn arguments() -> Vec<Arg>;

    /// Reads the input.
    ///
    /// # Errors
    /// [`CliError::File`].
    fn read(matches: &ArgMatches) -> Result<Self, CliError>;
}

impl CommandInput for PictureFile {
    fn arguments() -> Vec<Arg> {
        vec![Arg::new("IMAGE").required(true).help("The picture; - is standard input")]
    }

    fn read(matches: &ArgMatches) -> Result<Self, CliError> {
        Ok(read_file(Path::new(text(matches, "IMAGE")))?.into())
    }
}

impl CommandInput for () {
    fn arguments() -> Vec<Arg> {
        Vec::new()
    }

    fn read(_: &ArgMatches) -> Result<(), CliError> {
        Ok(())
    }
}

/// A command for a use case, with a flag for each of its parameters. Its answer goes to `output`
/// where the user names no file.
pub(super) fn use_case_command<U>(name: &'static str, output: &'static str) -> Command
where
    U: UseCase,
    U::Input: CommandInput,
{
    let help = format!(
        "Output file; its extension chooses the format ({}), and - is standard output",
        extensions(U::FORMATS).join(", ")
    );
    let command = Command::new(name)
        .arg(model_argument())
        .args(U::Input::arguments())
        .arg(output_argument(output).help(help))
        .args(parameter_flags(U::parameters()));
    Limits::augment_args(ModelsConfig::augment_args(command))
}

/// Runs a use case and writes its answer to the output file.
///
/// # Errors
/// [`CliError`].
pub(super) fn run_use_case<U>(matches: &ArgMatches) -> Result<(), CliError>
where
    U: UseCase,
    U::Input: CommandInput,
{
    let output = PathBuf::from(text(matches, "output"));
    let format = output_format(&output, U::FORMATS)?;
    let parameters = parameters(U::parameters(), matches)?;
    let (models, forwards) = (open_model(matches)?, ForwardCache::with_capacity(0));
    let context = Context { models: models.into(), forwards, limits: parse(matches) };
    let use_case = U::check(&parameters, &context)?;
    let input = U::Input::read(matches)?;
    let answer = with_progress_bar(|token| use_case.answer(&input, format, &context, token))?;
    report_assumed(&answer);
    write_file(&output, &answer.body)
}

/// The format that the extension of `output` names. Standard output gets the default format.
fn output_format(output: &Path, formats: &[OutputFormat]) -> Result<OutputFormat, CliError> {
    let extension = output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let found = if output == Path::new("-") {
        formats.first()
    } else {
        formats.iter().find(|format| format.extension().eq_ignore_ascii_case(extension))
    };
    found.copied().ok_or_else(|| CliError::Extension {
        path: output.to_owned(),
        extensions: extensions(formats),
    })
}

fn extensions(formats: &[OutputFormat]) -> Vec<&'static str> {
    formats.iter().map(|format| format.extension()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{GradientFile, Predict};

    fn arguments<U: UseCase<Input: CommandInput>>() -> Vec<String> {
        let command = use_case_command::<U>("command", "-");
        let arguments = command.get_positionals().map(|argument| argument.get_id().to_string());
        arguments.collect()
    }

    #[test]
    fn only_use_cases_with_a_picture_have_an_image_argument() {
        assert_eq!(arguments::<Predict>(), ["MODEL", "IMAGE"]);
        assert_eq!(arguments::<GradientFile>(), ["MODEL"]);
    }
}
