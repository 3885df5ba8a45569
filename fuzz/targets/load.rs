//! Reads, analyses, compiles and runs an ONNX model. If it is refused, the error must have a cause.

#![no_main]

mod panics;

use std::fs;

use convscope::runtime::{Engine, Source};
use convscope::service::Classifier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::print_panics(), |bytes: &[u8]| {
    let file = std::env::temp_dir().join(format!("convscope-fuzz-{}.onnx", std::process::id()));
    fs::write(&file, bytes).unwrap();
    let source = Source::open(&file).unwrap();
    if let Err(error) = Classifier::load_and_warm_up(source, &Engine::default()) {
        assert!(!error.cause.is_empty());
    }
});
