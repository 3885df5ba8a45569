//! A model's bytes: read, typed, compiled and run, or refused with a cause.

#![no_main]

use std::fs;

use convscope::runtime::{Engine, Source};
use convscope::service::Classifier;
use libfuzzer_sys::fuzz_target;

/// Panics that the code itself catches are its answer, not a finding; libFuzzer's hook would end the process.
fn quiet() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

fuzz_target!(init: quiet(), |bytes: &[u8]| {
    let file = std::env::temp_dir().join(format!("convscope-fuzz-{}.onnx", std::process::id()));
    fs::write(&file, bytes).unwrap();
    let source = Source::open(&file).unwrap();
    if let Err(error) = Classifier::proven(source, &Engine::default()) {
        assert!(!error.cause.is_empty());
    }
});
