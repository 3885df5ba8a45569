//! The commands that take pictures. The model is loaded once, and the pictures are answered one
//! after the other. A picture that fails does not keep the others from being answered.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

use super::error::CliError;
use super::files::write_file;
use super::output::{Destination, Output, several_outputs};
use super::output_folder::OutputFolder;
use super::pictures::{Pictures, image_argument, read_picture};
use super::progress::ProgressBars;
use super::report::report_assumed;
use super::result_line::PictureResult;
use super::use_case::{prepare, use_case_command};
use crate::service::{Answer, OutputFormat, PictureFile, UseCase};

/// A command for a use case that takes pictures.
pub(super) fn pictures_command<U>(name: &'static str, output: &'static str) -> Command
where
    U: UseCase<Input = PictureFile>,
{
    let is_output = |help: &str| format!("{help}. For several pictures, a folder");
    use_case_command::<U>(name, output)
        .arg(image_argument())
        .args(several_outputs(U::FORMATS))
        .mut_arg("output", |argument| {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            argument.help(is_output(&help))
        })
}

/// Answers every picture.
///
/// # Errors
/// [`CliError`]. If pictures failed among several, [`CliError::Failed`].
pub(super) fn run_pictures<U>(matches: &ArgMatches) -> Result<(), CliError>
where
    U: UseCase<Input = PictureFile>,
{
    let pictures = Pictures::find(matches.get_many("IMAGE").into_iter().flatten())?;
    let output = Output::read(matches, U::FORMATS, pictures.several)?;
    let (use_case, context) = prepare::<U>(matches)?;
    use_case.check_format(output.format)?;
    let mut writer = Writer::create(&output, &pictures.paths)?;
    let bars = ProgressBars::new(pictures.paths.len());
    let limit = context.limits.image.decode_bytes;
    let (mut failed, mut is_reported) = (Vec::new(), false);
    for path in &pictures.paths {
        let answered = bars.with_passes(|token| {
            let picture = read_picture(path, limit)?;
            Ok(use_case.answer(&picture, output.format, &context, token)?)
        });
        let written = answered.and_then(|answer: Answer| {
            let file = writer.write(path, &answer)?;
            Ok((answer, file))
        });
        let answer = written.as_ref().map(|(answer, file)| (answer, file.as_deref()));
        let result = PictureResult { picture: path, answer };
        bars.suspend(|| {
            if let Ok((answer, _)) = answer
                && !std::mem::replace(&mut is_reported, true)
            {
                report_assumed(answer);
            }
            print(&result, &output, pictures.several)
        })?;
        match written {
            Err(error) if !pictures.several => return Err(error),
            Err(_) => failed.push(path.clone()),
            Ok(_) => {}
        }
        bars.advance();
    }
    let pictures = pictures.paths.len();
    if failed.is_empty() { Ok(()) } else { Err(CliError::Failed { failed, pictures }) }
}

/// Writes the line of a result, and a failure among several pictures to standard error.
fn print(result: &PictureResult<'_>, output: &Output, several: bool) -> Result<(), CliError> {
    if let Some(failure) = result.failure().filter(|_| several) {
        // If standard error is closed, the list at the end and the exit code are left.
        let _ = writeln!(io::stderr(), "convscope: {failure}");
    }
    let line = match &output.destination {
        _ if output.json_lines => Some(result.json()?),
        Destination::File(path) if path == Path::new("-") => None,
        Destination::File(_) | Destination::Folder(_) | Destination::Lines => result.text(),
    };
    line.map_or(Ok(()), |line| write_file(Path::new("-"), format!("{line}\n").as_bytes()))
}

/// Writes the answers to their files.
enum Writer {
    File(PathBuf),
    Folder(OutputFolder),
    Lines,
}

impl Writer {
    fn create(output: &Output, pictures: &[PathBuf]) -> Result<Self, CliError> {
        Ok(match &output.destination {
            Destination::File(path) => Self::File(path.clone()),
            Destination::Folder(path) => {
                Self::Folder(OutputFolder::create(path, output.format.extension(), pictures)?)
            }
            Destination::Lines => Self::Lines,
        })
    }

    /// Writes an answer, and returns the file.
    fn write(&mut self, picture: &Path, answer: &Answer) -> Result<Option<PathBuf>, CliError> {
        let file = match self {
            Self::File(path) => path.clone(),
            Self::Folder(folder) => folder.file_for(picture)?,
            Self::Lines => return Ok(None),
        };
        write_file(&file, &answer.body)?;
        // The next line of a terminal begins at its start.
        if file == Path::new("-") && answer.format == OutputFormat::Json {
            write_file(&file, b"\n")?;
        }
        Ok(Some(file))
    }
}
