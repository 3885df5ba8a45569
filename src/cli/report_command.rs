//! The command `report`: one HTML file about all pictures.

use std::path::PathBuf;

use clap::{ArgMatches, Command};

use super::error::CliError;
use super::files::write_file;
use super::pictures::{Pictures, image_argument, read_picture};
use super::progress::ProgressBars;
use super::use_case::{prepare, use_case_command};
use crate::service::{Evaluate, Job, OutputFormat, Report, UseCase};

/// The command, with the flags of `evaluate`.
pub(super) fn report_command() -> Command {
    use_case_command::<Evaluate>("report", "report.html")
        .about("Write one HTML file with predictions, explanations and their figures")
        .arg(image_argument())
        .mut_arg("output", |argument| {
            argument.help("Output file, an HTML page of its own; - is standard output")
        })
}

/// Evaluates every picture and writes the report. A picture that fails is listed in it.
///
/// # Errors
/// [`CliError`]. If every picture fails, the first picture's.
pub(super) fn run_report(matches: &ArgMatches) -> Result<(), CliError> {
    let output = matches.get_one::<PathBuf>("output").cloned().unwrap_or_default();
    let paths = Pictures::find(matches.get_many("IMAGE").into_iter().flatten())?.paths;
    let (request, context) = prepare::<Evaluate>(matches)?;
    request.check_format(OutputFormat::Html)?;
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut report = Report::new(request.command(&names));
    let bars = ProgressBars::new(paths.len());
    let limit = context.limits.image.decode_bytes;
    let mut failures = Vec::new();
    for (path, name) in paths.iter().zip(&names) {
        let added = bars.with_passes(|token| {
            let picture = read_picture(path, limit)?;
            let evaluation = request.run(&picture, &context, &mut Job::new(token.clone()))?;
            Ok::<_, CliError>(report.add(name, &request, &evaluation)?)
        });
        if let Err(error) = added {
            report.add_failure(format!("{name}: {error}"));
            failures.push((path.clone(), error));
        }
        bars.advance();
    }
    if failures.len() == paths.len()
        && let Some((_, error)) = failures.into_iter().next()
    {
        return Err(error);
    }
    write_file(&output, &report.html(&request)?)?;
    Ok(())
}
