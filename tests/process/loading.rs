//! The first load and reloads, as an operator sees them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use convscope::onnx::{Builder, Element, float_tensor};

use super::lifecycle::folder;
use super::program::{Program, convscope};

/// The last line that `convscope serve` writes with `flags`, when it does not start.
fn start_error(folder: &Path, flags: &[&str]) -> String {
    let mut command = convscope();
    command.args(["serve", "--listen", "127.0.0.1:0", "--models"]).arg(folder).args(flags);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_broken_model_at_start_is_skipped_or_with_strict_an_error() {
    let folder = folder("start");
    fs::write(folder.join("b.onnx"), "broken").unwrap();
    let error = start_error(&folder, &["--strict"]);
    assert!(error.contains("b.onnx: "), "{error}");
    let program = Program::loading(&folder, &[]);
    let refused = program.wait_for("model not loaded");
    assert_eq!(refused["model"], "b");
    let ready = program.wait_for("ready");
    assert_eq!((ready["models"].as_u64(), ready["refused"].as_u64()), (Some(2), Some(1)));
    assert_eq!(program.ask("GET /readyz HTTP/1.1", b""), (200, "ready\nrefused: b\n".into()));
    assert_eq!(program.ask("GET /models/a HTTP/1.1", b"").0, 200);
}

#[test]
fn a_start_without_its_folder_or_default_model_ends_with_one_line() {
    let folder = folder("missing");
    let error = start_error(Path::new("/nope"), &[]);
    assert_eq!(
        error,
        "convscope: --models /nope: there is no such folder; create it or name another one"
    );
    let error = start_error(&folder, &["--default-model", "b"]);
    let expected = "convscope: --default-model b: there is no such model; there are: a, ";
    assert!(error.starts_with(expected), "{error}");
}

/// A chain of ReLUs takes the engine about a minute to compile.
#[test]
fn sigterm_during_the_first_load_ends_the_process_at_once() {
    let folder = folder("slow");
    let builder = Builder::default();
    let mut value = builder.input("x", Element::F32, &[1, 3, 8, 8]);
    for _ in 0..4000 {
        value = builder.node("Relu", &[&value], &[], Element::F32, &[1, 3, 8, 8]);
    }
    let pooled = builder.node("GlobalAveragePool", &[&value], &[], Element::F32, &[1, 3, 1, 1]);
    builder.output("y", &pooled.reshape(&[1, 3]));
    fs::write(folder.join("slow.onnx"), builder.finish("slow").unwrap().encode()).unwrap();
    let flags = ["--max-model-nodes", "5000", "--drain-delay", "15"];
    let mut program = Program::loading(&folder, &flags);
    assert_eq!(program.ask("GET /readyz HTTP/1.1", b"").0, 503);
    program.signal("TERM");
    let (status, took) = program.end();
    assert!(status.success() && took < Duration::from_secs(5), "{status} {took:?}");
}

const MIB: u64 = 1 << 20;

/// Models of one dense layer of 32 MiB each, with different weights.
fn dense_models(folder: &Path, count: usize) {
    for index in 0..count {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, &[1, 1, 64, 64]);
        let weights: Vec<f32> =
            (0..4096 * 2048).map(|place| ((place * 7 + index) % 1009) as f32 / 1e6).collect();
        let weights = float_tensor("weights", &[4096, 2048], &weights);
        let weights = builder.initializer(weights, Element::F32);
        let x = x.reshape(&[1, 4096]);
        let y = builder.node("MatMul", &[&x, &weights], &[], Element::F32, &[1, 2048]);
        builder.output("y", &y);
        let file = folder.join(format!("dense-{index}.onnx"));
        fs::write(file, builder.finish("dense").unwrap().encode()).unwrap();
    }
}

#[test]
fn a_reload_holds_one_model_twice_and_gives_the_memory_back() {
    let folder = folder("dense");
    dense_models(&folder, 8);
    let program = Program::start(&folder, &["--reload-interval", "0", "--cache-bytes", "0"]);
    thread::sleep(Duration::from_millis(500));
    let before = program.memory();
    assert!(before > 8 * 32 * MIB, "{} MiB are less than the weights", before / MIB);
    for _ in 0..5 {
        program.reset_peak();
        program.signal("HUP");
        program.wait_for("models reloaded");
        let peak = program.peak();
        // A model takes three times its file while it is read.
        assert!(peak < before + 128 * MIB, "{} MiB, {} before", peak / MIB, before / MIB);
    }
    thread::sleep(Duration::from_millis(500));
    let after = program.memory();
    assert!(after < before + 48 * MIB, "{} MiB, {} before", after / MIB, before / MIB);
}
