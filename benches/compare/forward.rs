//! Times bare forward passes on demand. `forward MODEL_FOLDER PICTURE THREADS` runs one forward
//! pass for every line on standard input and prints its milliseconds. Every layer is an output, as
//! in a server. `compare.py` starts it and alternates it with other programs.

#![allow(clippy::print_stdout, reason = "standard output is its interface to compare.py")]

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use convscope::config::{EngineConfig, ImageLimits};
use convscope::preprocess::decode;
use convscope::runtime::{CancellationToken, Engine, Graph, Source, tensor_input};
use convscope::service::LoadedModels;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).filter(|text| text != "--bench").collect();
    let [model, picture, threads] = arguments.as_slice() else {
        // `cargo bench` runs every benchmark without arguments.
        return Ok(());
    };
    let engine = Engine::start(&EngineConfig::default(), threads.parse()?)?;
    let models = LoadedModels::open(Path::new(model), &engine)?;
    let classifier = models.get(None)?;
    let picture = decode(&fs::read(picture)?, &ImageLimits::default())?;
    let tensor =
        tensor_input(classifier.info().settings().preprocessing.tensor(&picture).into_dyn());
    let mut outputs: Vec<String> =
        classifier.info().layers().iter().map(|layer| layer.value.clone()).collect();
    outputs.push(classifier.info().head().output.clone());
    outputs.dedup();
    let model = Source::open(Path::new(model))?.read()?;
    let graph = Graph::read(&model, &[tensor.shape().to_vec()])?;
    drop(model);
    let plan = graph.compile(&outputs, &engine)?;
    println!("ready");
    for line in io::stdin().lines() {
        line?;
        let start = Instant::now();
        plan.run(vec![tensor.clone()], &CancellationToken::never())?;
        println!("{:.3}", start.elapsed().as_secs_f64() * 1e3);
        io::stdout().flush()?;
    }
    Ok(())
}
