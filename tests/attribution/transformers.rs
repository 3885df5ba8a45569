//! Small transformers against PyTorch in float64
//! (`tests/reference/transformers/make_references.py`).

use std::path::{Path, PathBuf};

use convscope::service::{Activations, Context, Explain, OutputFormat, UseCase};
use ndarray::{Axis, Slice};

use crate::convnet::{ask_about, context_of, largest, npz};

/// The networks, the layer that is explained by default, and the tokens before the patches.
const NETWORKS: [(&str, &str, usize); 5] = [
    ("vit", "blocks.1.norm1", 1),
    ("vit_dynamo", "blocks.1.norm1", 1),
    ("registers", "blocks.1.norm1", 5),
    ("pooled", "norm", 0),
    ("swin", "norm", 0),
];

const METHODS: [&str; 7] =
    ["gradcam", "hirescam", "layercam", "rollout", "chefer", "legrad", "attnlrp"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/transformers")
}

fn context(network: &str) -> Context {
    context_of(&folder().join(format!("{network}.onnx")))
}

fn refusal<U: UseCase>(context: &Context, parameters: &[(&str, &str)]) -> String {
    let mut given = convscope::config::Parameters::default();
    parameters.iter().for_each(|&(name, value)| given.push(name, value).unwrap());
    U::check(&given, context).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn maps_are_those_of_pytorch_and_of_the_papers_formulas() {
    let references = npz(&std::fs::read(folder().join("maps.npz")).unwrap());
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (network, ..) in NETWORKS {
        let context = context(network);
        for method in METHODS {
            let key = format!("{}/{method}", network.trim_end_matches("_dynamo"));
            let Some(expected) = references.get(&key) else { continue };
            let asked =
                [("method", method), ("score", "logit"), ("class", "2"), ("preset", "unit")];
            let picture = folder().join("picture.png");
            let answer = ask_about::<Explain>(&context, &picture, OutputFormat::Npz, &asked);
            let found = &npz(&answer.body)[&format!("{method}/2")];
            assert_eq!(found.shape(), expected.shape(), "{network} {method}");
            let error = largest(&(found - expected)) / largest(expected);
            compared += 1;
            // Rounding errors of float32.
            if error.is_nan() || error > 1e-4 {
                wrong.push(format!("{network} {method}: {error:.1e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(compared, 4 * 7 + 4);
}

#[test]
fn the_default_layer_is_the_last_whose_patches_the_logits_read() {
    for (network, expected, prefix) in NETWORKS {
        let context = context(network);
        let classifier = context.models.get(None).unwrap();
        let info = classifier.info();
        let layer = classifier.explained_layer(None).unwrap();
        assert_eq!(layer.name(), expected, "{network}");
        let tokens = layer.grid.unwrap().prefix_tokens();
        assert_eq!(tokens, prefix, "{network}");
        let last = info.layer("norm").unwrap();
        let refusal = classifier.explainer().refusal(&last.value);
        match prefix {
            0 => assert_eq!(refusal, None, "{network}"),
            _ => assert!(refusal.unwrap().contains("only the class token"), "{network}"),
        }
    }
}

#[test]
fn attention_within_windows_is_refused_by_name() {
    let context = context("swin");
    let classifier = context.models.get(None).unwrap();
    let token = convscope::runtime::CancellationToken::never();
    let refusals = classifier.explainer().method_refusals(None, &token).unwrap();
    let methods = convscope::attribution::METHODS.iter().map(|method| method.name);
    for (method, refusal) in methods.zip(refusals) {
        if ["rollout", "chefer", "legrad"].contains(&method) {
            assert!(refusal.unwrap().contains("within windows"), "{method}");
        }
    }
}

#[test]
fn attention_is_shown_for_one_query() {
    let context = context("vit");
    let classifier = context.models.get(None).unwrap();
    let attention = &classifier.info().attentions().known[1];
    assert_eq!((attention.heads, attention.keys.count()), (2, 25));
    let layer = ("layer", attention.name());
    let picture = folder().join("picture.png");
    let ask = |query: &'static str| {
        let asked = [layer, ("query", query), ("preset", "unit")];
        let answer = ask_about::<Activations>(&context, &picture, OutputFormat::Npz, &asked);
        npz(&answer.body).into_values().next().unwrap()
    };
    let all = ask("all");
    assert_eq!(all.shape(), [2, 25, 25]);
    assert!(all.sum_axis(Axis(2)).iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    let patches = all.slice_axis(Axis(2), Slice::from(1..));
    let cases = [("class", 0), ("0,0", 1), ("2,3", 1 + 2 * 6 + 3), ("3,5", 24)];
    for (query, row) in cases {
        let row = patches.index_axis(Axis(1), row).to_owned();
        let row = row.into_shape_with_order((2, 4, 6)).unwrap().into_dyn();
        assert_eq!(ask(query), row, "{query}");
    }
    let mean = patches.mean_axis(Axis(1)).unwrap().into_shape_with_order((2, 4, 6)).unwrap();
    assert!(largest(&(ask("mean") - mean.into_dyn())) < 1e-6);
    let refused = [
        (vec![layer, ("query", "4,0")], "a row from 0 to 3"),
        (vec![layer, ("query", "patch")], "class, mean, all"),
    ];
    for (asked, expected) in refused {
        let refusal = refusal::<Activations>(&context, &asked);
        assert!(refusal.contains(expected), "{refusal}");
    }
}
