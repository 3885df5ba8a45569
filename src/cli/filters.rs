//! The command `filters`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use ndarray::Array3;
use npyz::NpyFile;

use super::error::CliError;
use super::use_case::{run_use_case, use_case_command};
use crate::service::{FilterStart, Filters};

/// The command, with a flag for the picture to start from.
pub(super) fn filters_command() -> Command {
    let start = Arg::new("start")
        .long("start")
        .value_name("FILE.npy")
        .value_parser(value_parser!(PathBuf))
        .help(
            "Start from this array, height × width × channels, float32 or float64; implies the \
             style of the book",
        );
    use_case_command::<Filters>("filters", "filters.png")
        .about("Draw what the channels of a layer respond to, by gradient ascent on the input")
        .arg(start)
}

/// Runs the command.
///
/// # Errors
/// [`CliError`].
pub(super) fn run_filters(matches: &ArgMatches) -> Result<(), CliError> {
    let start = matches.get_one::<PathBuf>("start").map(|path| read_start(path)).transpose()?;
    run_use_case::<Filters>(matches, &FilterStart(start))
}

/// The longest side of an array to start from.
const LONGEST: u64 = 4096;

fn read_start(path: &Path) -> Result<Array3<f64>, CliError> {
    let failed = |cause| CliError::File { path: path.to_owned(), cause };
    let bytes = fs::read(path).map_err(failed)?;
    let unsuitable = || {
        failed(std::io::Error::other(
            "not an array of height × width × channels in float32 or float64",
        ))
    };
    let file = NpyFile::new(bytes.as_slice()).map_err(failed)?;
    let shape: Vec<u64> = file.shape().to_vec();
    let [height, width, channels] = shape[..] else { return Err(unsuitable()) };
    if shape.iter().any(|&side| side == 0 || side > LONGEST) {
        return Err(unsuitable());
    }
    let is_fortran = file.order() == npyz::Order::Fortran;
    let values: Vec<f64> = match file.dtype().descr().trim_matches('\'') {
        _ if is_fortran => return Err(unsuitable()),
        "<f4" => {
            let values = file.into_vec::<f32>().map_err(failed)?;
            values.into_iter().map(f64::from).collect()
        }
        "<f8" => file.into_vec().map_err(failed)?,
        _ => return Err(unsuitable()),
    };
    let shape = (height as usize, width as usize, channels as usize);
    Array3::from_shape_vec(shape, values).map_err(|_| unsuitable())
}
