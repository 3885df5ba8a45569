//! The same use cases, to files; and the server, from its start to its end.

mod healthcheck;
mod log;
mod reload;
mod serve;
mod traces;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use self::healthcheck::{HealthcheckConfig, healthcheck};
use self::serve::serve;
use crate::config::{Limits, ModelsConfig, Parameter, Parameters, ServerConfig};
use crate::runtime::{CancellationToken, Engine};
use crate::service::{
    Activations, Context, Explain, ForwardCache, GradCam, GradientFile, LoadError, LoadedModels,
    OutputFormat, PictureFile, Predict, ServiceError, UseCase, method_table, summary,
};

/// Why a command failed; its text is all that the user sees.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A model could not be made ready.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The use case gave no answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        cause: io::Error,
    },
    /// The output file's extension names no form of the answer.
    #[error("{}: the extension tells the form: {}", path.display(), forms.join(", "))]
    Extension {
        /// The output file.
        path: PathBuf,
        /// The extensions there are.
        forms: Vec<&'static str>,
    },
    /// The file of keys has none.
    #[error("{}: there is no key in it; write one a line, or leave the flag out", path.display())]
    NoKeys {
        /// The file.
        path: PathBuf,
    },
    /// The server could not start or went down.
    #[error("{0}")]
    Server(String),
}

/// The whole command line.
#[must_use]
pub fn command() -> Command {
    let serve =
        ServerConfig::augment_args(Command::new("serve")).about("Answer over HTTP (the default)");
    let activations = use_case::<Activations>("activations", "activations.png")
        .about("Draw the output of every channel of some layers");
    let explain = use_case::<Explain>("explain", "explain.png")
        .about("Draw which part of the picture spoke for a class, by any method");
    let methods = Command::new("methods").about("List the methods of explanation");
    let gradcam = use_case::<GradCam>("gradcam", "gradcam.png")
        .about("Draw which part of the picture spoke for a class, by Grad-CAM");
    let predict = use_case::<Predict>("predict", "-").about("Name the likeliest classes");
    let gradient = ModelsConfig::augment_args(Command::new("gradient"))
        .about("Write the gradient graph as an ONNX file")
        .arg(model_argument())
        .args(GradientFile::PARAMETERS.iter().map(flag))
        .arg(output_argument("gradient.onnx"));
    let summary = ModelsConfig::augment_args(Command::new("summary"))
        .about("List a model's layers with shapes and parameters")
        .arg(model_argument());
    let healthcheck = HealthcheckConfig::augment_args(Command::new("healthcheck"))
        .about("Ask a running server whether it is well, for containers");
    // Plain `convscope` serves, so its flags stand at the top level as well.
    ServerConfig::augment_args(Command::new("convscope"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("See what a convolutional network sees: any ONNX image classifier, any picture")
        .args_conflicts_with_subcommands(true)
        .subcommands([
            serve,
            activations,
            explain,
            gradcam,
            predict,
            methods,
            summary,
            gradient,
            healthcheck,
        ])
}

/// Runs the command that `matches` names.
///
/// # Errors
/// [`CliError`].
pub fn run(matches: &ArgMatches) -> Result<(), CliError> {
    match matches.subcommand() {
        Some(("activations", matches)) => to_file::<Activations>(matches),
        Some(("explain", matches)) => to_file::<Explain>(matches),
        Some(("gradcam", matches)) => to_file::<GradCam>(matches),
        Some(("predict", matches)) => to_file::<Predict>(matches),
        Some(("methods", _)) => {
            print_text(&method_table());
            Ok(())
        }
        Some(("summary", matches)) => print_summary(matches),
        Some(("gradient", matches)) => write_gradient(matches),
        Some(("healthcheck", matches)) => healthcheck(&parse(matches)),
        Some((_, matches)) => serve(&parse(matches)),
        None => serve(&parse(matches)),
    }
}

fn model_argument() -> Arg {
    Arg::new("MODEL")
        .required(true)
        .help("An .onnx file, a model folder, or the name of a model in the models folder")
}

fn output_argument(default: &'static str) -> Arg {
    Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FILE")
        .default_value(default)
        .help("Where to write; - is standard output")
}

fn flag(parameter: &Parameter) -> Arg {
    Arg::new(parameter.name)
        .long(parameter.name)
        .value_name(parameter.value)
        .help(parameter.help)
        .action(ArgAction::Append)
}

/// The parameters that are flags; the model is an argument here.
fn flags(table: &'static [Parameter]) -> impl Iterator<Item = &'static Parameter> {
    table.iter().filter(|parameter| parameter.name != "model")
}

/// A command that has a flag for every parameter of the use case.
fn use_case<U: UseCase<Input = PictureFile>>(name: &'static str, output: &'static str) -> Command {
    let forms: Vec<&str> = U::FORMATS.iter().map(|form| form.extension()).collect();
    let help = format!(
        "Where to write; the extension tells the form ({}), - is standard output",
        forms.join(", ")
    );
    let command = Command::new(name)
        .arg(model_argument())
        .arg(Arg::new("IMAGE").required(true).help("The picture; - reads standard input"))
        .arg(output_argument(output).help(help))
        .args(flags(U::parameters()).map(flag));
    Limits::augment_args(ModelsConfig::augment_args(command))
}

fn given(table: &'static [Parameter], matches: &ArgMatches) -> Parameters {
    let mut parameters = Parameters::default();
    for parameter in flags(table) {
        for value in matches.get_many::<String>(parameter.name).into_iter().flatten() {
            parameters.push(parameter.name, value.as_str());
        }
    }
    parameters
}

fn to_file<U: UseCase<Input = PictureFile>>(matches: &ArgMatches) -> Result<(), CliError> {
    let output = PathBuf::from(text(matches, "output"));
    let form = form_of(&output, U::FORMATS)?;
    let parameters = given(U::parameters(), matches);
    let (models, forwards) = (open_model(matches)?, ForwardCache::with_capacity(0));
    let context = Context { models: models.into(), forwards, limits: parse(matches) };
    let checked = U::check(&parameters, &context)?;
    let image = read_image(Path::new(text(matches, "IMAGE")))?;
    let answer = checked.answer(&image.into(), form, &context, &CancellationToken::never())?;
    write_file(&output, &answer.body)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written =
        if path == Path::new("-") { io::stdout().write_all(bytes) } else { fs::write(path, bytes) };
    written.map_err(|cause| CliError::File { path: path.to_owned(), cause })
}

fn form_of(output: &Path, forms: &[OutputFormat]) -> Result<OutputFormat, CliError> {
    if output == Path::new("-") {
        return forms.first().copied().ok_or_else(|| extension_error(output, forms));
    }
    let extension = output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let found = forms.iter().find(|form| form.extension().eq_ignore_ascii_case(extension));
    found.copied().ok_or_else(|| extension_error(output, forms))
}

fn extension_error(output: &Path, forms: &[OutputFormat]) -> CliError {
    let forms = forms.iter().map(|form| form.extension()).collect();
    CliError::Extension { path: output.to_owned(), forms }
}

fn read_image(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|cause| CliError::File { path: path.to_owned(), cause })
}

/// A path that exists is opened; anything else is a name in the models folder.
fn open_model(matches: &ArgMatches) -> Result<LoadedModels, CliError> {
    let wanted = text(matches, "MODEL");
    let config: ModelsConfig = parse(matches);
    let engine = Engine::start(&config.engine, cores())
        .map_err(|cause| CliError::Server(cause.to_string()))?;
    if Path::new(wanted).exists() {
        return Ok(LoadedModels::open(Path::new(wanted), &engine)?);
    }
    Ok(LoadedModels::named(&config.models, wanted, &engine)?)
}

fn print_summary(matches: &ArgMatches) -> Result<(), CliError> {
    let library = open_model(matches)?;
    let text = summary(library.get(None)?);
    print_text(&text);
    Ok(())
}

/// Prints to standard output. A reader that closes the pipe early, as `head` does, is no error.
fn print_text(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

fn write_gradient(matches: &ArgMatches) -> Result<(), CliError> {
    let library = open_model(matches)?;
    let parameters = given(GradientFile::PARAMETERS, matches);
    let request = GradientFile::check(&parameters, Arc::clone(library.get(None)?))?;
    write_file(Path::new(text(matches, "output")), &request.encode()?)
}

/// As many threads as the machine runs at once.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn text<'m>(matches: &'m ArgMatches, name: &str) -> &'m str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// Reads a group of flags; they are all declared, so what fails here is a mistake of ours, and
/// clap's own message says which.
fn parse<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}
