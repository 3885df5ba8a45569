//! Each error about a file names what is wrong and what helps.

use std::path::Path;

use convscope::onnx::pb::ModelProto;
use convscope::onnx::pb::tensor_proto::DataLocation;
use convscope::onnx::pb::{NodeProto, StringStringEntryProto};
use convscope::onnx::{Builder, Element};
use convscope::runtime::Engine;
use convscope::service::LoadedModels;
use prost::Message;

/// A network of one dense layer over a picture of `shape`, with a change.
fn network(shape: &[usize], change: impl FnOnce(&mut ModelProto)) -> Vec<u8> {
    let builder = Builder::default();
    let picture = builder.input("picture", Element::F32, shape);
    let pool = builder.node("GlobalAveragePool", &[&picture], &[], Element::F32, &[1, 3, 1, 1]);
    let target = builder.ints(&[1, 3]);
    let vector = builder.node("Reshape", &[&pool, &target], &[], Element::F32, &[1, 3]);
    let weights = builder.floats("weights", &[3, 2], &[0.5; 6]);
    let logits = builder.node("MatMul", &[&vector, &weights], &[], Element::F32, &[1, 2]);
    builder.output("logits", &logits);
    let mut proto = builder.finish("network").unwrap().proto().clone();
    change(&mut proto);
    proto.encode_to_vec()
}

fn node<'p>(proto: &'p mut ModelProto, operator: &str) -> &'p mut NodeProto {
    let nodes = &mut proto.graph.as_mut().unwrap().node;
    nodes.iter_mut().find(|node| node.op_type == operator).unwrap()
}

fn another_input(proto: &mut ModelProto) {
    let graph = proto.graph.as_mut().unwrap();
    let mut mask = graph.input[0].clone();
    mask.name = "mask".to_owned();
    graph.input.push(mask);
}

fn external(proto: &mut ModelProto) {
    let tensors = &mut proto.graph.as_mut().unwrap().initializer;
    let weights = tensors.iter_mut().find(|tensor| tensor.dims == [3, 2]).unwrap();
    weights.raw_data.clear();
    weights.float_data.clear();
    weights.data_location = Some(DataLocation::External.into());
    let (key, value) = ("location".to_owned(), "resnet18.onnx.data".to_owned());
    weights.external_data = vec![StringStringEntryProto { key, value }];
}

#[test]
fn a_model_that_cannot_be_loaded_is_refused_with_its_cause_and_a_remedy() {
    let shape = [1, 3, 4, 4];
    let unknown = |domain: &'static str| {
        network(&shape, |proto| {
            let node = node(proto, "MatMul");
            (node.op_type, node.domain) = ("QOrderedMatMul".to_owned(), domain.to_owned());
        })
    };
    let cases: [(&str, Vec<u8>, &[&str]); 12] = [
        (
            "pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec(),
            &["Git LFS pointer", "git lfs pull"],
        ),
        ("page", b"<!DOCTYPE html><html></html>".to_vec(), &["web page", "download"]),
        ("checkpoint", b"PK\x03\x04....".to_vec(), &["ZIP archive", "export it to ONNX"]),
        ("tflite", b"\x1c\0\0\0TFL3....".to_vec(), &["TFLite", "tf2onnx"]),
        ("empty", Vec::new(), &["empty"]),
        ("cut", network(&shape, |_| {})[..60].to_vec(), &["only a part", "again"]),
        ("operator", unknown(""), &["QOrderedMatMul", "matmul", "operator set"]),
        ("optimized", unknown("com.microsoft"), &["QOrderedMatMul", "ONNX Runtime's optimizer"]),
        ("external", network(&shape, external), &["resnet18.onnx.data", "beside the model"]),
        ("inputs", network(&shape, another_input), &["2 inputs", "mask", "picture alone"]),
        ("vector", network(&[1, 785], |_| {}), &["[1, 785]", "input.size in model.toml"]),
        ("channels", network(&[1, 5, 4, 4], |_| {}), &["5 channels", "Export the model"]),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, says) in cases {
        let error = error(name, &bytes);
        if !says.iter().all(|text| error.contains(text)) || error.lines().count() > 1 {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The engine refuses a reshape that does not fit. Its message names no operator and no node.
#[test]
fn an_error_of_the_engine_names_the_operator_and_the_node() {
    let bytes = network(&[1, 3, 4, 4], |proto| {
        let tensors = &mut proto.graph.as_mut().unwrap().initializer;
        let target = tensors.iter_mut().find(|tensor| tensor.dims == [2]).unwrap();
        *target = convscope::onnx::int_tensor(&target.name, &[1, 7]);
    });
    let error = error("reshape", &bytes);
    assert!(error.contains("Reshape (node \"reshape\")"), "{error}");
    assert!(error.contains("onnxsim") && error.len() < 600, "{error}");
}

fn error(name: &str, bytes: &[u8]) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exporters-errors");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name).with_extension("onnx");
    std::fs::write(&path, bytes).unwrap();
    match LoadedModels::open(&path, &Engine::default()) {
        Ok(_) => format!("{name} was loaded"),
        Err(error) => error.cause,
    }
}
