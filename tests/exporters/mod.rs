//! Files as the exporters of PyTorch and Keras write them. `tests/reference/models` has them, and
//! the scripts that made them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use convscope::onnx::Model;
use convscope::runtime::{CancellationToken, Engine, OutputSet, Values};
use convscope::service::{Classifier, LoadedModels};
use ndarray::ArrayD;

mod batch;
mod errors;
mod heads;
mod names;
mod preprocessing;

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/models").join(name)
}

/// The arrays that the framework computed.
fn arrays(name: &str) -> BTreeMap<String, ArrayD<f64>> {
    crate::convnet::npz(&std::fs::read(reference(name)).unwrap())
}

fn load(name: &str) -> LoadedModels {
    open(&reference(name))
}

fn open(path: &Path) -> LoadedModels {
    LoadedModels::open(path, &Engine::default()).unwrap()
}

/// A model folder that is removed at the end of the test.
struct ModelFolder(PathBuf);

impl Drop for ModelFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A folder with `model` and perhaps a card.
fn saved(model: &Model, card: Option<&str>) -> ModelFolder {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exporters-{number}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("model.onnx"), model.encode()).unwrap();
    if let Some(card) = card {
        std::fs::write(folder.join("model.toml"), card).unwrap();
    }
    ModelFolder(folder)
}

/// Every listed value for `input`, and the values called `wanted`.
fn forward(classifier: &Classifier, input: &ArrayD<f64>, wanted: &[String]) -> Values {
    let token = CancellationToken::never();
    let input = input.mapv(|value| value as f32);
    let values = classifier.network().forward(input, OutputSet::Layers, &token).unwrap();
    classifier.network().complete(&values, wanted, &token).unwrap()
}
