//! Networks in the number formats that exporters and tools write, against ONNX Runtime and PyTorch
//! (`tests/reference/formats/make_references.py`).

mod rewritten;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use convscope::config::{Limits, Parameters};
use convscope::runtime::{CancellationToken, Engine, Source};
use convscope::service::{
    Classifier, Context, Explain, ForwardCache, LoadedModels, OutputFormat, Predict, UseCase,
};
use serde_json::Value;

/// What the script wrote.
#[derive(serde::Deserialize)]
struct References {
    logits: BTreeMap<String, Vec<f64>>,
    hirescam: Vec<Vec<f64>>,
}

/// Each file, the largest error of a logit, and that of the map; relative to the largest value.
/// 8-bit integers have steps of 1/255 of their range, and a sum may be rounded to the next one.
const FILES: &[(&str, f64, f64)] = &[
    ("float32", 1e-5, 1e-5),
    ("float16", 2e-3, 2e-3),
    ("float16_inside", 2e-3, 2e-3),
    ("float16_mixed", 2e-3, 2e-3),
    ("float16_weights", 1e-3, 2e-3),
    ("bfloat16", 1e-5, 1e-2),
    ("float64", 1e-5, 1e-5),
    ("uint8_input", 1e-5, 1e-5),
    ("int8_input", 1e-5, 1e-5),
    ("qdq", 6e-3, 5e-2),
    ("qdq_channels", 6e-3, 5e-2),
    ("qdq_weights", 6e-3, 5e-2),
    ("qoperator", 6e-3, 5e-2),
    ("qoperator_channels", 6e-3, 5e-2),
    ("dynamic", 6e-3, 5e-2),
    ("onnxruntime_basic", 1e-5, 1e-5),
    ("onnxruntime_extended", 1e-5, 1e-5),
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/formats").join(name)
}

/// The JSON answer for the script's picture.
fn ask<U: UseCase<Input = convscope::service::PictureFile>>(
    context: &Context,
    parameters: &[(&str, &str)],
) -> Result<Value, String> {
    let mut given = Parameters::default();
    for &(name, value) in parameters {
        given.push(name, value).unwrap();
    }
    let picture = std::fs::read(file("picture.png")).unwrap();
    let answer = U::check(&given, context).and_then(|checked| {
        checked.answer(&picture.into(), OutputFormat::Json, context, &CancellationToken::never())
    });
    let answer = answer.map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
}

/// The largest difference, relative to the largest expected value.
fn error(actual: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let differences = actual.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest);
    differences.fold(0.0, f64::max)
}

/// The errors of one file's logits and map.
fn errors(name: &str, references: &References) -> Result<[f64; 2], String> {
    let path = file(&format!("{name}.onnx"));
    let models = LoadedModels::open(&path, &Engine::default()).map_err(|it| it.to_string())?;
    let (forwards, limits) = (ForwardCache::with_capacity(0), Limits::default());
    let context = Context { models: models.into(), forwards, limits };
    let expected = &references.logits[name];
    let mut logits = vec![f64::NAN; expected.len()];
    for class in ask::<Predict>(&context, &[])?["predictions"].as_array().unwrap() {
        logits[class["class"].as_u64().unwrap() as usize] = class["logit"].as_f64().unwrap();
    }
    let asked = [("method", "hirescam"), ("class", "1"), ("score", "logit")];
    let answer = ask::<Explain>(&context, &asked)?;
    let is_quantized = name.starts_with('q') || name == "dynamic";
    assert_eq!(answer["straight_through"].as_bool(), is_quantized.then_some(true), "{name}");
    let map: Vec<Vec<f64>> = serde_json::from_value(answer["maps"][0]["map"].clone()).unwrap();
    Ok([error(&logits, expected), error(&map.concat(), &references.hirescam.concat())])
}

#[test]
fn every_format_predicts_and_explains_as_the_references() {
    let text = std::fs::read_to_string(file("references.json")).unwrap();
    let references: References = serde_json::from_str(&text).unwrap();
    let check = |&(name, logits, map): &(&str, f64, f64)| match errors(name, &references) {
        Ok([l, m]) if l <= logits && m <= map => None,
        Ok([l, m]) => Some(format!("{name}: logits {l:.1e}, map {m:.1e}")),
        Err(error) => Some(format!("{name}: {error}")),
    };
    let failures: Vec<String> = FILES.iter().filter_map(check).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_graph_for_one_kind_of_machine_is_refused_with_a_remedy() {
    let source = Source::open(&file("onnxruntime_all.onnx")).unwrap();
    let error = Classifier::load(source, &Engine::default()).unwrap_err().to_string();
    assert!(error.contains("one kind of machine") && error.contains("ORT_ENABLE_BASIC"), "{error}");
}
