//! A model's bytes: read, typed, compiled and run, or refused with a cause.

#![no_main]

mod panics;

use std::fs;

use convscope::runtime::{Engine, Source};
use convscope::service::Classifier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: panics::told(), |bytes: &[u8]| {
    let file = std::env::temp_dir().join(format!("convscope-fuzz-{}.onnx", std::process::id()));
    fs::write(&file, bytes).unwrap();
    let source = Source::open(&file).unwrap();
    if let Err(error) = Classifier::load_and_warm_up(source, &Engine::default()) {
        assert!(!error.cause.is_empty());
    }
});
