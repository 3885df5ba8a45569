use clap::{Arg, ArgAction, ArgMatches, FromArgMatches};

use crate::config::{Parameter, Parameters};
use crate::service::ServiceError;

/// The argument `MODEL`.
pub(super) fn model_argument() -> Arg {
    Arg::new("MODEL")
        .required(true)
        .help("An .onnx file, a model folder, or the name of a model in the models folder")
}

/// One flag per parameter, written with `-` or as the parameter with `_`. The model is an argument
/// and not a flag.
pub(super) fn parameter_flags(table: &'static [Parameter]) -> impl Iterator<Item = Arg> {
    flags(table).map(|parameter| {
        Arg::new(parameter.name)
            .long(parameter.name.replace('_', "-"))
            .alias(parameter.name)
            .value_name(parameter.value)
            .help(parameter.help)
            .action(ArgAction::Append)
    })
}

/// The values of the flags of [`parameter_flags`].
///
/// # Errors
/// There are too many values, or one is too long.
pub(super) fn parameters(
    table: &'static [Parameter],
    matches: &ArgMatches,
) -> Result<Parameters, ServiceError> {
    let mut parameters = Parameters::default();
    for parameter in flags(table) {
        for value in matches.get_many::<String>(parameter.name).into_iter().flatten() {
            parameters.push(parameter.name, value.as_str())?;
        }
    }
    Ok(parameters)
}

fn flags(table: &'static [Parameter]) -> impl Iterator<Item = &'static Parameter> {
    table.iter().filter(|parameter| parameter.name != "model")
}

/// The text of an argument.
pub(super) fn text<'m>(matches: &'m ArgMatches, name: &str) -> &'m str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// Reads a group of flags. All its flags are declared, so it fails only where the declaration is
/// wrong, and clap's own message tells how.
pub(super) fn parse<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}
