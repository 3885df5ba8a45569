//! What shells and `man` need to know of the commands, generated from the commands themselves.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use clap_mangen::Man;

use super::error::CliError;

const NAME: &str = "convscope";

/// `convscope completions`.
pub(super) fn completions_command() -> Command {
    let shell = Arg::new("SHELL").required(true).value_parser(value_parser!(Shell));
    Command::new("completions")
        .about("Print the script that lets a shell complete commands and flags")
        .arg(shell.help("The shell"))
}

/// Prints the completions of `command` for a shell.
pub(super) fn print_completions(mut command: Command, matches: &ArgMatches) {
    let mut script = Vec::new();
    if let Some(&shell) = matches.get_one::<Shell>("SHELL") {
        clap_complete::generate(shell, &mut command, NAME, &mut script);
    }
    // A reader that closes the pipe early has read what it needs.
    let _ = io::stdout().write_all(&script);
}

/// `convscope man`.
pub(super) fn man_command() -> Command {
    let folder = Arg::new("FOLDER").value_parser(value_parser!(PathBuf));
    Command::new("man")
        .about("Print the manual page, or write those of all commands")
        .arg(folder.help("A folder for the pages of all commands [default: print convscope.1]"))
}

/// Prints the manual page of `command`, or writes those of its subcommands too.
///
/// # Errors
/// [`CliError::File`].
pub(super) fn print_manual(command: Command, matches: &ArgMatches) -> Result<(), CliError> {
    let folder = matches.get_one::<PathBuf>("FOLDER").cloned();
    let (path, written) = match folder {
        None => {
            let mut page = Vec::new();
            let rendered = Man::new(command).render(&mut page);
            (PathBuf::from("-"), rendered.and_then(|()| io::stdout().write_all(&page)))
        }
        Some(folder) => {
            let written = fs::create_dir_all(&folder);
            let written = written.and_then(|()| clap_mangen::generate_to(command, &folder));
            (folder, written)
        }
    };
    written.map_err(|cause| CliError::File { path, cause })
}
