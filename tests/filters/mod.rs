//! What channels respond to: the book's pictures against PyTorch
//! (`tests/reference/filters/make_references.py`), and what the other style promises.

use std::fs;
use std::path::{Path, PathBuf};

use convscope::config::Parameters;
use convscope::runtime::CancellationToken;
use convscope::service::{Context, FilterStart, Filters, OutputFormat, ServiceError, UseCase};
use ndarray::{Array3, Ix3};
use serde_json::Value;

use crate::convnet::{context, context_of, npy};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn ask(
    context: &Context,
    format: OutputFormat,
    asked: &[(&str, &str)],
    start: Option<Array3<f64>>,
) -> Result<Vec<u8>, ServiceError> {
    let mut given = Parameters::default();
    asked.iter().for_each(|(name, value)| given.push(*name, *value).unwrap());
    let checked = Filters::check(&given, context)?;
    let token = CancellationToken::never();
    Ok(checked.answer(&FilterStart(start), format, context, &token)?.body)
}

fn json(context: &Context, asked: &[(&str, &str)]) -> Value {
    serde_json::from_slice(&ask(context, OutputFormat::Json, asked, None).unwrap()).unwrap()
}

#[test]
fn pictures_in_the_style_of_the_book_are_those_of_pytorch() {
    let start = npy(&fs::read(reference("filters/start.npy")).unwrap());
    let start = start.into_dimensionality::<Ix3>().unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(reference("filters"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 5);
    let (mut wrong, mut contexts): (Vec<String>, Vec<(String, Context)>) = Default::default();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let parts: Vec<&str> = name.split('.').collect();
        let [model, layer, channel] = parts[..] else { panic!("{name}") };
        if contexts.last().is_none_or(|(known, _)| known != model) {
            contexts = vec![(model.to_owned(), context(model))];
        }
        let asked = [("style", "book"), ("layer", layer), ("channel", channel)];
        let found = ask(&contexts[0].1, OutputFormat::Png, &asked, Some(start.clone())).unwrap();
        let found = image::load_from_memory(&found).unwrap().to_rgb8();
        let expected = image::open(&file).unwrap().to_rgb8();
        assert_eq!(found.dimensions(), expected.dimensions());
        let differences = found.iter().zip(expected.iter()).map(|(a, b)| f64::from(a.abs_diff(*b)));
        let mean = differences.clone().sum::<f64>() / found.len() as f64;
        let largest = differences.fold(0.0, f64::max);
        // Behind pools the pictures differ by up to 24 levels in single pixels. Why is not known.
        let has_pools = !layer.starts_with("block1") && layer != "conv2d_1";
        if largest > if has_pools { 32.0 } else { 1.0 } || mean > 2.0 {
            wrong.push(format!("{name}: {largest} levels, {mean} on average"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_objective_grows_in_the_natural_style_and_the_seed_repeats_it() {
    let context = context("cats_and_dogs_small_1");
    let asked = [("layer", "conv2d_3"), ("channel", "0,5"), ("size", "48"), ("steps", "30")];
    let found = json(&context, &asked);
    for filter in found["filters"].as_array().unwrap() {
        let losses: Vec<f64> =
            filter["losses"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        assert_eq!(losses.len(), 30);
        assert!(mean(&losses[25..]) > mean(&losses[..3]) + 0.1, "{losses:?}");
    }
    assert_eq!(found, json(&context, &asked));
    let other = json(&context, &[&asked[..], &[("seed", "1")]].concat());
    assert_ne!(found["png"], other["png"]);
}

#[test]
fn a_part_that_takes_one_size_alone_gets_it_and_another_is_refused() {
    let context = context_of(&reference("methods/network"));
    let asked = [("layer", "hidden_relu"), ("channel", "0"), ("steps", "2")];
    assert_eq!(json(&context, &asked)["size"], serde_json::json!([20, 24]));
    let sized = [&asked[..], &[("size", "32")]].concat();
    let error = ask(&context, OutputFormat::Json, &sized, None).unwrap_err().to_string();
    assert!(error.contains("24 × 20"), "{error}");
    let free = [("layer", "block"), ("channel", "1"), ("size", "32"), ("steps", "2")];
    assert_eq!(json(&context, &free)["size"], serde_json::json!([32, 32]));
}

#[test]
fn mistakes_are_refused_before_any_work() {
    let context = context("cats_and_dogs_small_1");
    let refusal = |asked: &[(&str, &str)]| {
        ask(&context, OutputFormat::Png, asked, None).unwrap_err().to_string()
    };
    assert!(refusal(&[("layer", "conv2d_1"), ("channel", "32")]).contains("no channel 32"));
    assert!(refusal(&[("size", "512"), ("steps", "4096")]).contains("passes"));
    assert!(refusal(&[("layer", "nothing")]).contains("nothing"));
    let start = Some(Array3::zeros((9, 9, 2)));
    let error = ask(&context, OutputFormat::Png, &[("layer", "conv2d_1")], start).unwrap_err();
    assert!(error.to_string().contains("channels of the network's input"), "{error}");
}
