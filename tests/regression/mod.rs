//! Inputs that once went wrong: none may panic, whatever else becomes of them.

use std::fs;
use std::path::{Path, PathBuf};

use convscope::config::ImageLimits;
use convscope::preprocess::decode;
use convscope::runtime::Engine;
use convscope::service::Library;

fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regression").join(kind);
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn pictures() {
    for file in files("decode") {
        let _ = decode(&fs::read(&file).unwrap(), &ImageLimits::default());
    }
}

#[test]
fn models() {
    for file in files("load") {
        let _ = Library::open(&file, &Engine::default());
    }
}
