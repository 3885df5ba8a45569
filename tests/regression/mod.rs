//! Inputs that once caused an error. They may be refused but must not cause a panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use convscope::config::ImageLimits;
use convscope::gradient::{Rules, derive};
use convscope::onnx::Model;
use convscope::onnx::pb::tensor_shape_proto::dimension;
use convscope::onnx::pb::{ValueInfoProto, type_proto};
use convscope::preprocess::decode;
use convscope::runtime::{Engine, Graph, SharedWeights};
use convscope::service::LoadedModels;

/// The files of the folder `kind`.
fn files(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regression").join(kind);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files
}

/// Decoding catches panics. The error then has this text.
const DECODER_PANICKED: &str = "the decoder could not read its contents";

#[test]
fn pictures() {
    for file in files("decode") {
        if let Err(error) = decode(&fs::read(&file).unwrap(), &ImageLimits::default()) {
            assert!(!error.to_string().contains(DECODER_PANICKED), "{}: {error}", file.display());
        }
    }
}

/// The variable that names the file for [`decodes_one_picture_within_gigabytes`].
const PICTURE: &str = "CONVSCOPE_TEST_PICTURE";

/// Memory that is allocated and never used does no harm until there is a memory limit. Then it ends
/// the process.
///
/// The largest address space of a process never shrinks. So each file gets a process of its own,
/// in which no other test has made it large.
#[cfg(target_os = "linux")]
#[test]
fn no_picture_allocates_gigabytes() {
    for file in files("decode") {
        let test = "regression::decodes_one_picture_within_gigabytes";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(PICTURE, &file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {error}", file.display());
        assert!(text.contains("1 passed"), "{test} did not run: {text}");
    }
}

/// The largest address space that the process has had so far, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "no_picture_allocates_gigabytes runs it for each file"]
fn decodes_one_picture_within_gigabytes() {
    let file = std::env::var_os(PICTURE).expect("the variable names a picture");
    let (bytes, before) = (fs::read(file).unwrap(), peak());
    let _ = decode(&bytes, &ImageLimits::default());
    let grown = peak() - before;
    assert!(grown < 1 << 30, "the address space grew by {grown} bytes");
}

#[test]
fn models() {
    for file in files("load") {
        let _ = LoadedModels::open(&file, &Engine::default());
    }
}

fn declared(input: &ValueInfoProto) -> Vec<usize> {
    let Some(type_proto::Value::TensorType(tensor)) = &input.r#type.as_ref().unwrap().value else {
        panic!("{input:?}")
    };
    let dims = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let dims = dims.map(|dim| match dim.value {
        Some(dimension::Value::DimValue(dim)) => dim as usize,
        _ => panic!("{input:?}"),
    });
    dims.collect()
}

#[test]
fn gradients() {
    for file in files("derive") {
        let model = Model::decode(&fs::read(&file).unwrap()).unwrap();
        let shapes: Vec<_> = model.inputs().into_iter().map(declared).collect();
        // Without the check of constants, which refuses some of these files.
        let graph = Graph::read_with(&model, &shapes, &SharedWeights::default()).unwrap();
        let (input, output) = (&model.inputs()[0].name, &model.outputs()[0].name);
        let refused = derive(&model, &graph.facts(), &[input], output, Rules::GRADIENT);
        assert!(refused.is_err(), "{}", file.display());
    }
}
