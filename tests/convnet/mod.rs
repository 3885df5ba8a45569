//! The bundled convnet against the book's own steps in Keras, numpy, matplotlib and OpenCV
//! (`tests/reference/convnet/make_references.py`).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use convscope::config::{Limits, Parameters};
use convscope::render::Colormap;
use convscope::runtime::{CancellationToken, Engine};
use convscope::service::{
    Activations, Answer, Context, ForwardCache, GradCam, LoadedModels, OutputFormat, PictureFile,
    UseCase, summary,
};
use ndarray::{Array2, ArrayD};

const CONVNET: &str = "cats_and_dogs_small_1";

const LAYERS: [&str; 8] = [
    "conv2d_1",
    "max_pooling2d_1",
    "conv2d_2",
    "max_pooling2d_2",
    "conv2d_3",
    "max_pooling2d_3",
    "conv2d_4",
    "max_pooling2d_4",
];

pub(crate) fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/convnet").join(name)
}

/// A context with one model of `models/`.
pub(crate) fn context(model: &str) -> Context {
    context_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(model))
}

/// A context with the model in `folder`.
pub(crate) fn context_of(folder: &Path) -> Context {
    let models = LoadedModels::open(folder, &Engine::default()).unwrap();
    Context {
        models: models.into(),
        forwards: ForwardCache::with_capacity(0),
        limits: Limits::default(),
    }
}

/// The answer for a photograph of a cat.
pub(crate) fn ask<U: UseCase<Input = PictureFile>>(
    context: &Context,
    format: OutputFormat,
    parameters: &[(&str, &str)],
) -> Answer {
    ask_about::<U>(context, &reference("chelsea.png"), format, parameters)
}

/// The answer for the picture in a file.
pub(crate) fn ask_about<U: UseCase<Input = PictureFile>>(
    context: &Context,
    picture: &Path,
    format: OutputFormat,
    parameters: &[(&str, &str)],
) -> Answer {
    let mut given = Parameters::default();
    for &(name, value) in parameters {
        given.push(name, value).unwrap();
    }
    let image = std::fs::read(picture).unwrap();
    let checked = U::check(&given, context).unwrap();
    checked.answer(&image.into(), format, context, &CancellationToken::never()).unwrap()
}

/// The arrays of an .npz file as float64, whatever their type.
pub(crate) fn npz(bytes: &[u8]) -> BTreeMap<String, ArrayD<f64>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        arrays.insert(name, npy(&bytes));
    }
    arrays
}

/// The array of an .npy file as float64, whatever its type.
pub(crate) fn npy(bytes: &[u8]) -> ArrayD<f64> {
    let header = npyz::NpyFile::new(bytes).unwrap();
    let shape: Vec<usize> = header.shape().iter().map(|&dim| dim as usize).collect();
    let kind = header.dtype().descr();
    let values: Vec<f64> = match kind.trim_matches('\'') {
        "<u2" => header.into_vec::<u16>().unwrap().into_iter().map(f64::from).collect(),
        "<f4" => header.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        "<f8" => header.into_vec::<f64>().unwrap(),
        other => panic!("unexpected type {other}"),
    };
    ArrayD::from_shape_vec(shape, values).unwrap()
}

/// The largest magnitude.
pub(crate) fn largest(array: &ArrayD<f64>) -> f64 {
    array.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

#[test]
fn activations_of_all_layers_are_those_of_keras() {
    let answer = ask::<Activations>(&context(CONVNET), OutputFormat::Npz, &[]);
    let ours = npz(&answer.body);
    let theirs = npz(&std::fs::read(reference("activations.npz")).unwrap());
    assert_eq!(ours.len(), LAYERS.len());
    for layer in LAYERS {
        let maximum = theirs[&format!("{layer}/maximum")].sum();
        // The reference is rounded to 1/65535 of the maximum.
        let expected = theirs[layer].mapv(|value| value / 65535.0 * maximum);
        assert_eq!(ours[layer].shape(), expected.shape(), "{layer}");
        let error = largest(&(&ours[layer] - &expected)) / maximum;
        assert!(error < 1e-4, "{layer}: {error:e} of the maximum");
    }
}

#[test]
fn every_pixel_of_a_grid_is_that_of_plt_imshow() {
    let context = context(CONVNET);
    let dead: BTreeMap<String, Vec<usize>> =
        serde_json::from_slice(&std::fs::read(reference("dead.json")).unwrap()).unwrap();
    let palette = Colormap::Viridis.rows();
    let row = |pixel: &image::Rgb<u8>| palette.iter().position(|row| *row == pixel.0);
    for layer in LAYERS {
        let answer = ask::<Activations>(
            &context,
            OutputFormat::Png,
            &[("layer", layer), ("titles", "false"), ("zoom", "1")],
        );
        let ours = image::load_from_memory(&answer.body).unwrap().to_rgb8();
        let theirs = image::open(reference(&format!("grid_{layer}.png"))).unwrap().to_rgb8();
        assert_eq!(ours.dimensions(), theirs.dimensions(), "{layer}");
        let tile = theirs.width() / 16;
        let (mut compared, mut differing) = (0, 0);
        for (x, y, expected) in theirs.enumerate_pixels() {
            let channel = (y / tile * 16 + x / tile) as usize;
            if dead[layer].contains(&channel) {
                continue;
            }
            compared += 1;
            let got = ours.get_pixel(x, y);
            if got == expected {
                continue;
            }
            differing += 1;
            // A level may be off by one where rounding differs. imshow stretches the levels, so one
            // level is up to two rows of the colour map: no grid here spans less than 128 levels.
            let (got, expected) = (row(got).unwrap(), row(expected).unwrap());
            assert!(got.abs_diff(expected) <= 2, "{layer} at {x}, {y}: {got}, not {expected}");
        }
        assert!(differing * 1000 <= compared, "{layer}: {differing} of {compared} pixels differ");
    }
}

#[test]
fn dead_channels_are_listed() {
    let answer = ask::<Activations>(&context(CONVNET), OutputFormat::Json, &[]);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(reference("dead.json")).unwrap()).unwrap();
    for layer in json["layers"].as_array().unwrap() {
        let name = layer["name"].as_str().unwrap();
        assert_eq!(layer["dead"], expected[name], "{name}");
    }
}

#[test]
fn the_raw_map_is_that_of_the_gradient_tape() {
    let context = context(CONVNET);
    let theirs = npz(&std::fs::read(reference("gradcam.npz")).unwrap());
    for class in ["cat", "dog"] {
        let answer = ask::<GradCam>(&context, OutputFormat::Npy, &[("class", class)]);
        let (ours, expected) = (npy(&answer.body), &theirs[&format!("{class}/raw")]);
        assert_eq!(ours.shape(), expected.shape());
        let error = largest(&(&ours - expected)) / largest(expected);
        assert!(error < 1e-4, "{class}: {error:e}");
        let probability = answer.notes.iter().find(|(name, _)| *name == "probability").unwrap();
        let probability: f64 = probability.1.parse().unwrap();
        let expected = theirs[&format!("{class}/probability")].sum();
        assert!((probability - expected).abs() < 1e-6, "{class}: {probability}, not {expected}");
    }
}

#[test]
fn the_overlay_is_that_of_opencv() {
    let context = context(CONVNET);
    for class in ["cat", "dog"] {
        let answer = ask::<GradCam>(&context, OutputFormat::Png, &[("class", class)]);
        let ours = image::load_from_memory(&answer.body).unwrap().to_rgb8();
        let theirs = image::open(reference(&format!("gradcam_{class}.png"))).unwrap().to_rgb8();
        assert_eq!(ours.dimensions(), theirs.dimensions());
        let far = ours
            .pixels()
            .zip(theirs.pixels())
            .filter(|(a, b)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 2))
            .count();
        let pixels = ours.pixels().count();
        assert!(far * 1000 <= pixels, "{class}: {far} of {pixels} pixels differ by more than 2");
    }
}

#[test]
fn the_classes_of_one_sigmoid_unit_have_opposite_maps() {
    // The two classes of one sigmoid unit have opposite gradients, so the map of one class is the
    // negative of the other, and the map of sign=negative.
    let context = context(CONVNET);
    let raw = |class, sign| {
        let answer =
            ask::<GradCam>(&context, OutputFormat::Npy, &[("class", class), ("sign", sign)]);
        let map = npy(&answer.body);
        map.into_dimensionality::<ndarray::Ix2>().unwrap()
    };
    let cat: Array2<f64> = raw("cat", "positive");
    let dog = raw("dog", "positive");
    assert!(cat.iter().zip(&dog).all(|(a, b)| *a == -*b));
    let against = raw("dog", "negative");
    assert_eq!(cat, against);
}

#[test]
fn a_layer_called_input_comes_before_the_networks_input() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(CONVNET);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layer-called-input");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["model.onnx", "labels.json"] {
        std::fs::copy(model.join(file), folder.join(file)).unwrap();
    }
    let card = std::fs::read_to_string(model.join("model.toml")).unwrap();
    std::fs::write(folder.join("model.toml"), card + "input = \"conv2d_2\"\n").unwrap();
    let asked = [("layer", "input")];
    for (context, expected) in
        [(context_of(&folder), vec![64, 72, 72]), (context(CONVNET), vec![3, 150, 150])]
    {
        let answer = ask::<Activations>(&context, OutputFormat::Npz, &asked);
        let arrays = npz(&answer.body);
        assert_eq!(arrays.values().next().unwrap().shape(), expected);
    }
}

#[test]
fn the_summary_has_the_columns_of_keras() {
    let text = |model: &str| {
        let Context { models, .. } = context(model);
        summary(&models.get(None).unwrap())
    };
    let rows = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let found = rows(&text(CONVNET));
    // As `model.summary()` prints the book's network, without the batch.
    let expected = [
        "Layer (type) Output Shape Param #",
        "conv2d_1 (Conv2D) 148 × 148 × 32 896",
        "max_pooling2d_1 (MaxPooling2D) 74 × 74 × 32 0",
        "conv2d_2 (Conv2D) 72 × 72 × 64 18,496",
        "max_pooling2d_2 (MaxPooling2D) 36 × 36 × 64 0",
        "conv2d_3 (Conv2D) 34 × 34 × 128 73,856",
        "max_pooling2d_3 (MaxPooling2D) 17 × 17 × 128 0",
        "conv2d_4 (Conv2D) 15 × 15 × 128 147,584",
        "max_pooling2d_4 (MaxPooling2D) 7 × 7 × 128 0",
        "flatten_1 (Flatten) 6272 0",
        "dropout_1 (Dropout) 6272 0",
        "dense_1 (Dense) 512 3,211,776",
        "dense_2 (Dense) 1 513",
        "Total params: 3,453,121",
    ];
    let without_rules = found.iter().skip(1).filter(|line| !line.starts_with('─'));
    assert_eq!(without_rules.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    let found = rows(&text("efficientnet_lite0")).join("\n");
    for expected in ["block1a_activation (DepthwiseConv2D) ", "block2b_add (Add) "] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
