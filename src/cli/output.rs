//! Where answers are written, and in which format.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::error::CliError;
use crate::service::OutputFormat;

/// The flag `--output`.
pub(super) fn output_argument(default: &'static str, formats: &[OutputFormat]) -> Arg {
    let extensions = extensions(formats).join(", ");
    let help = format!(
        "Output file; its extension chooses the format ({extensions}), and - is standard output"
    );
    Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .default_value(default)
        .help(help)
}

/// The flags of commands that take several pictures.
pub(super) fn several_outputs(formats: &'static [OutputFormat]) -> [Arg; 2] {
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(extensions(formats)))
        .help("Format of the answers, whatever the extension of the output file");
    let json_lines = Arg::new("json-lines").long("json-lines").action(ArgAction::SetTrue).help(
        "Print one JSON object a line for each picture; without -o it holds the whole answer",
    );
    [format, json_lines]
}

/// Where the answers go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// One file, or standard output: `-`.
    File(PathBuf),
    /// One file for each picture in this folder.
    Folder(PathBuf),
    /// No file: lines on standard output say what there is to say.
    Lines,
}

/// What the flags say about the output.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) destination: Destination,
    pub(super) format: OutputFormat,
    /// Lines are JSON.
    pub(super) json_lines: bool,
}

impl Output {
    /// Reads the flags. `several` says that there may be several pictures.
    ///
    /// # Errors
    /// [`CliError::Extension`], [`CliError::NoFolder`] and [`CliError::LinesFormat`].
    pub(super) fn read(
        matches: &ArgMatches,
        formats: &'static [OutputFormat],
        several: bool,
    ) -> Result<Self, CliError> {
        let path = matches.get_one::<PathBuf>("output").cloned().unwrap_or_default();
        let is_given = matches.value_source("output") != Some(ValueSource::DefaultValue);
        let json_lines = matches.get_flag("json-lines");
        let named = matches.get_one::<String>("format");
        let named = named.and_then(|name| with_extension(name, formats));
        let destination = destination(path, is_given, json_lines, formats, several)?;
        let format = match (&destination, named) {
            (Destination::Lines, Some(format)) if format != OutputFormat::Json => {
                return Err(CliError::LinesFormat { format: format.extension() });
            }
            (Destination::Lines, _) => OutputFormat::Json,
            (_, Some(format)) => format,
            (Destination::File(path), None) => output_format(path, formats)?,
            (Destination::Folder(_), None) => default_format(formats),
        };
        Ok(Self { destination, format, json_lines })
    }
}

fn destination(
    path: PathBuf,
    is_given: bool,
    json_lines: bool,
    formats: &[OutputFormat],
    several: bool,
) -> Result<Destination, CliError> {
    let is_stdout = path == Path::new("-") || (json_lines && !is_given);
    let has_lines = json_lines || (several && default_format(formats) == OutputFormat::Json);
    let is_file = || path.is_file() || output_format(&path, formats).is_ok();
    match several {
        _ if is_stdout && has_lines => Ok(Destination::Lines),
        _ if is_folder(&path) && !is_stdout => Ok(Destination::Folder(path)),
        false => Ok(Destination::File(path)),
        true if is_stdout || is_file() => Err(CliError::NoFolder),
        true => Ok(Destination::Folder(path)),
    }
}

/// Whether a path is that of a folder: it exists, or ends in a separator.
fn is_folder(path: &Path) -> bool {
    let ends = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    ends || path.is_dir()
}

/// The format that the extension of `output` names. Standard output gets the default format.
///
/// # Errors
/// [`CliError::Extension`].
pub(super) fn output_format(
    output: &Path,
    formats: &[OutputFormat],
) -> Result<OutputFormat, CliError> {
    let extension = output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let found = if output == Path::new("-") {
        Some(default_format(formats))
    } else {
        with_extension(extension, formats)
    };
    found.ok_or_else(|| CliError::Extension {
        path: output.to_owned(),
        extensions: extensions(formats),
    })
}

fn with_extension(extension: &str, formats: &[OutputFormat]) -> Option<OutputFormat> {
    let is_named = |format: &&OutputFormat| format.extension().eq_ignore_ascii_case(extension);
    formats.iter().find(is_named).copied()
}

/// The first format. Every use case has one.
fn default_format(formats: &[OutputFormat]) -> OutputFormat {
    formats.first().copied().unwrap_or(OutputFormat::Json)
}

fn extensions(formats: &[OutputFormat]) -> Vec<&'static str> {
    formats.iter().map(|format| format.extension()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &[OutputFormat] = &[OutputFormat::Png, OutputFormat::Json];
    const JSON: &[OutputFormat] = &[OutputFormat::Json];

    fn of(path: &str, is_given: bool, json_lines: bool, several: bool) -> Option<Destination> {
        destination(path.into(), is_given, json_lines, PICTURE, several).ok()
    }

    #[test]
    fn one_picture_goes_to_a_file_and_several_to_a_folder() {
        assert_eq!(of("a.png", false, false, false), Some(Destination::File("a.png".into())));
        assert_eq!(of("-", true, false, false), Some(Destination::File("-".into())));
        assert_eq!(of("new/", true, false, false), Some(Destination::Folder("new/".into())));
        assert_eq!(of("src", true, false, false), Some(Destination::Folder("src".into())));
        assert_eq!(of("new", true, false, true), Some(Destination::Folder("new".into())));
        assert_eq!(of("new", true, true, true), Some(Destination::Folder("new".into())));
    }

    #[test]
    fn several_pictures_do_not_go_to_one_file() {
        assert_eq!(of("a.png", false, false, true), None);
        assert_eq!(of("a.png", true, false, true), None);
        assert_eq!(of("Cargo.toml", true, false, true), None);
        assert_eq!(of("-", true, false, true), None);
    }

    #[test]
    fn json_lines_and_the_default_of_json_need_no_file() {
        assert_eq!(of("a.png", false, true, true), Some(Destination::Lines));
        assert_eq!(of("a.png", false, true, false), Some(Destination::Lines));
        assert_eq!(of("-", true, true, true), Some(Destination::Lines));
        let predict = |several| destination("-".into(), false, false, JSON, several).ok();
        assert_eq!(predict(true), Some(Destination::Lines));
        assert_eq!(predict(false), Some(Destination::File("-".into())));
    }
}
