//! The command line: each use case as a command that writes files, and the server from its start
//! to its shutdown.

mod arguments;
mod cores;
mod error;
mod files;
mod filters;
mod generated;
mod healthcheck;
mod keys;
mod log;
mod log_line;
mod models;
mod open_files;
mod output;
mod output_folder;
mod pictures;
mod progress;
mod reload;
mod report;
mod report_command;
mod result_line;
mod serve;
mod several_pictures;
mod traces;
mod use_case;

use clap::{ArgMatches, Args, Command};

use self::arguments::parse;
use self::filters::{filters_command, run_filters};
use self::generated::{completions_command, man_command, print_completions, print_manual};
use self::healthcheck::{HealthcheckConfig, healthcheck};
use self::models::{methods_command, print_methods, print_summary, summary_command};
use self::report_command::{report_command, run_report};
use self::serve::{serve, served_model};
use self::several_pictures::{pictures_command, run_pictures};
use self::use_case::{run_use_case, use_case_command};
use crate::config::ServerConfig;
use crate::service::{Activations, Evaluate, Explain, GradCam, GradientFile, Predict};

pub use self::error::CliError;
pub use self::report::{report_error, report_usage};

/// The whole command line.
#[must_use]
pub fn command() -> Command {
    let serve = ServerConfig::augment_args(Command::new("serve"))
        .arg(served_model())
        .about("Serve the HTTP API and the page (the default command)");
    let activations = pictures_command::<Activations>("activations", "activations.png")
        .about("Draw the output of every channel of some layers");
    let explain = pictures_command::<Explain>("explain", "explain.png")
        .about("Draw which part of the picture contributed to a class, by any method");
    let gradcam = pictures_command::<GradCam>("gradcam", "gradcam.png")
        .about("Draw which part of the picture contributed to a class (Grad-CAM)");
    let evaluate = pictures_command::<Evaluate>("evaluate", "-")
        .about("Measure whether explanations can be trusted");
    let predict =
        pictures_command::<Predict>("predict", "-").about("Print the most likely classes");
    let gradient = use_case_command::<GradientFile>("gradient", "gradient.onnx")
        .about("Derive the gradient graph of a model and write it as an ONNX file");
    let healthcheck = HealthcheckConfig::augment_args(Command::new("healthcheck"))
        .about("Check a running server and tell the result by the exit code, for containers");
    // `convscope` alone serves, so the flags of `serve` are flags of the top level too.
    ServerConfig::augment_args(Command::new("convscope"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Show what a neural network sees in a picture, for any ONNX image classifier")
        .args_conflicts_with_subcommands(true)
        .subcommands([serve, activations, explain, evaluate, gradcam, predict])
        .subcommands([filters_command(), report_command()])
        .subcommands([methods_command(), summary_command(), gradient, healthcheck])
        .subcommands([completions_command(), man_command()])
}

/// Runs the command in `matches`.
///
/// # Errors
/// [`CliError`].
pub fn run(matches: &ArgMatches) -> Result<(), CliError> {
    match matches.subcommand() {
        Some(("activations", matches)) => run_pictures::<Activations>(matches),
        Some(("explain", matches)) => run_pictures::<Explain>(matches),
        Some(("evaluate", matches)) => run_pictures::<Evaluate>(matches),
        Some(("gradcam", matches)) => run_pictures::<GradCam>(matches),
        Some(("predict", matches)) => run_pictures::<Predict>(matches),
        Some(("methods", _)) => {
            print_methods();
            Ok(())
        }
        Some(("summary", matches)) => print_summary(matches),
        Some(("report", matches)) => run_report(matches),
        Some(("filters", matches)) => run_filters(matches),
        Some(("gradient", matches)) => run_use_case::<GradientFile>(matches, &()),
        Some(("healthcheck", matches)) => healthcheck(&parse(matches)),
        Some(("completions", matches)) => {
            print_completions(command(), matches);
            Ok(())
        }
        Some(("man", matches)) => print_manual(command(), matches),
        Some((_, matches)) => serve(&parse(matches), matches.get_one("MODEL")),
        None => serve(&parse(matches), None),
    }
}
