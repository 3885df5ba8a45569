//! What one model may cost, and how a model that costs more is refused.

use std::fs;
use std::path::{Path, PathBuf};

use convscope::config::{EngineConfig, ModelLimits};
use convscope::onnx::{Builder, Element};
use convscope::runtime::Engine;
use convscope::service::LoadedModels;

/// A chain of `length` ReLUs over 8 channels of 64 × 64 pixels, 128 KiB each, and a global pool.
fn chain(length: usize) -> PathBuf {
    let builder = Builder::default();
    let mut value = builder.input("x", Element::F32, &[1, 3, 64, 64]);
    let weights: Vec<f32> = (0..24).map(|index| index as f32 / 24.0).collect();
    let weights = builder.floats("weights", &[8, 3, 1, 1], &weights);
    value = builder.node("Conv", &[&value, &weights], &[], Element::F32, &[1, 8, 64, 64]);
    for _ in 0..length {
        // Sums are layers of their own, so each is kept.
        value = builder.node("Add", &[&value, &value], &[], Element::F32, &[1, 8, 64, 64]);
    }
    let pooled = builder.node("GlobalAveragePool", &[&value], &[], Element::F32, &[1, 8, 1, 1]);
    builder.output("y", &pooled.reshape(&[1, 8]));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model-limits");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("chain-{length}.onnx"));
    fs::write(&file, builder.finish("chain").unwrap().encode()).unwrap();
    file
}

/// The error of loading a chain of 20 sums within `limits`.
fn load(limits: ModelLimits) -> Option<String> {
    let config = EngineConfig { limits, ..EngineConfig::default() };
    let engine = Engine::start(&config, 1).unwrap();
    LoadedModels::open(&chain(20), &engine).err().map(|error| error.to_string())
}

#[test]
fn a_model_whose_forward_pass_takes_too_much_memory_is_refused() {
    // The convolution and each of the 20 sums take 128 KiB, and all are kept. Beside them there are
    // the input, which may be freed early, and a few small values.
    let (kept, input) = (21 * (128 << 10), 48 << 10);
    let limits = |bytes| ModelLimits { bytes, ..ModelLimits::DEFAULT };
    assert_eq!(load(limits(kept + input + 1024)), None);
    let error = load(limits(kept - 1)).unwrap();
    for part in ["chain-20.onnx", "at most 2752511", "--max-model-bytes"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let found = error.split(" take ").nth(1).and_then(|rest| rest.split(' ').next());
    let found: usize = found.unwrap().parse().unwrap();
    assert!((kept..=kept + input + 1024).contains(&found), "{error}");
}

#[test]
fn a_model_with_too_many_nodes_is_refused() {
    let limits = |nodes| ModelLimits { nodes, ..ModelLimits::DEFAULT };
    assert_eq!(load(limits(30)), None);
    let error = load(limits(20)).unwrap();
    assert!(error.contains("at most 20") && error.contains("--max-model-nodes"), "{error}");
}
