//! A model's bytes: read, typed, compiled and run, or refused with a cause.

#![no_main]

use std::fs;

use convscope::runtime::Engine;
use convscope::service::Library;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = std::env::temp_dir().join(format!("convscope-fuzz-{}.onnx", std::process::id()));
    fs::write(&file, bytes).unwrap();
    if let Err(error) = Library::open(&file, &Engine::default()) {
        assert!(!error.cause.is_empty());
    }
});
