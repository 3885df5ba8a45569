use std::io::{Cursor, Read};

use image::RgbImage;
use serde_json::Value;
use zip::ZipArchive;

use super::client::{Client, from_base64};
use super::pictures;

/// Layers of the convnet with channels, height and width.
const LAYERS: [(&str, [u64; 3]); 8] = [
    ("conv2d_1", [32, 148, 148]),
    ("max_pooling2d_1", [32, 74, 74]),
    ("conv2d_2", [64, 72, 72]),
    ("max_pooling2d_2", [64, 36, 36]),
    ("conv2d_3", [128, 34, 34]),
    ("max_pooling2d_3", [128, 17, 17]),
    ("conv2d_4", [128, 15, 15]),
    ("max_pooling2d_4", [128, 7, 7]),
];

async fn ask(query: &str, accept: &str) -> Vec<u8> {
    let path = format!("/activations?{query}");
    Client::new().post(&path, accept, &pictures::png()).await.file()
}

async fn ask_json(query: &str) -> Value {
    serde_json::from_slice(&ask(query, "application/json").await).unwrap()
}

fn decoded(png: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().to_rgb8()
}

/// The first `count` files of an archive.
fn unzipped(bytes: Vec<u8>, count: usize) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let read = |index| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(read).collect()
}

fn npy(bytes: &[u8]) -> (Vec<u64>, Vec<f32>) {
    let file = npyz::NpyFile::new(bytes).unwrap();
    (file.shape().to_vec(), file.into_vec().unwrap())
}

#[tokio::test]
async fn a_bare_request_shows_all_eight_layers_in_one_picture() {
    let png = ask("", "*/*").await;
    assert!(png.starts_with(b"\x89PNG"));
    let picture = decoded(&png);
    assert!(picture.width() > 1000 && picture.height() > 2000, "{:?}", picture.dimensions());
}

#[tokio::test]
async fn one_layer_is_the_array_with_zoom_and_without_titles() {
    let (columns, side, rows) = (16, 15, 2);
    let query = "layer=conv2d_4&zoom=1&titles=false";
    assert_eq!(decoded(&ask(query, "image/png").await).dimensions(), (240, 120));
    // The strongest channels, so that no dead channel is among them.
    let query = "layer=conv2d_4&order=std&limit=32&zoom=1&titles=false";
    let picture = decoded(&ask(query, "image/png").await);
    assert_eq!(picture.dimensions(), (columns * side, rows * side));
    let query = "layer=conv2d_4&order=std&limit=32&zoom=2&titles=false";
    let doubled = decoded(&ask(query, "image/png").await);
    assert_eq!(doubled.dimensions(), (2 * columns * side, 2 * rows * side));
    let same = |x, y| doubled.get_pixel(2 * x, 2 * y) == picture.get_pixel(x, y);
    assert!((0..columns * side).all(|x| (0..rows * side).all(|y| same(x, y))));
}

#[tokio::test]
async fn an_incomplete_last_row_drops_no_channel() {
    let query = "layer=conv2d_1&columns=7&zoom=1&titles=false";
    let picture = decoded(&ask(query, "image/png").await);
    assert_eq!(picture.dimensions(), (7 * 148, 5 * 148));
}

#[tokio::test]
async fn one_layer_alone_is_large_enough_to_be_seen() {
    for query in ["layer=conv2d_4", "layer=conv2d_4&titles=false", "layer=max_pooling2d_4"] {
        let picture = decoded(&ask(query, "image/png").await);
        let (width, height) = picture.dimensions();
        // 16 tiles of 128 pixels in a row, 8 rows, gaps and margins.
        assert!((2048..2200).contains(&width) && (1024..1250).contains(&height), "{query}");
    }
}

#[tokio::test]
async fn a_layer_has_the_same_levels_alone_and_with_others() {
    let alone = ask_json("layer=conv2d_3").await;
    let both = ask_json("layer=conv2d_1&layer=conv2d_3").await;
    assert_eq!(alone["layers"][0], both["layers"][1]);
}

#[tokio::test]
async fn the_level_range_is_that_of_the_levels_shown() {
    // The book's levels, from the arrays: minus mean, divided by deviation, ·64, +128.
    let query = "layer=conv2d_1&order=std&limit=16";
    let layer = &ask_json(query).await["layers"][0];
    let files = unzipped(ask(query, "application/x-npz").await, 1);
    let (shape, values) = npy(&files[0].1);
    let positions = (shape[1] * shape[2]) as usize;
    let (mut min, mut max) = (255.0f64, 0.0f64);
    for values in values.chunks(positions) {
        let values = || values.iter().map(|&value| f64::from(value));
        let mean = values().sum::<f64>() / positions as f64;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / positions as f64;
        for value in values() {
            let level = ((value - mean) / variance.sqrt() * 64.0 + 128.0).clamp(0.0, 255.0);
            (min, max) = (min.min(level), max.max(level));
        }
    }
    let range: Vec<f64> =
        layer["level_range"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
    assert_eq!(range, [min.trunc(), max.trunc()]);
    assert!(range[0] > 0.0, "the test needs a range that starts above 0");
    for query in ["layer=conv2d_1&normalize=minmax", "layer=conv2d_1&channel=3", "layer=input"] {
        let layer = &ask_json(query).await["layers"][0];
        assert_eq!(layer["level_range"], Value::from(vec![0, 255]), "{query}");
    }
}

#[tokio::test]
async fn the_input_is_drawn_as_the_network_gets_it() {
    let query = "layer=input&zoom=1&titles=false";
    let found = decoded(&ask(query, "image/png").await);
    assert_eq!(found.dimensions(), (150, 150));
    // Keras's load_img takes the source pixel under the centre. Rounding decides where the centre
    // is on the border of two pixels.
    let source = decoded(&pictures::png());
    let at = |i: u32, length: u32| (f64::from(i) + 0.5) * f64::from(length) / 150.0;
    let is_border = |position: f64| (position - position.round()).abs() < 1e-9;
    for (x, y, pixel) in found.enumerate_pixels() {
        let (left, top) = (at(x, 96), at(y, 64));
        if !is_border(left) && !is_border(top) {
            assert_eq!(pixel, source.get_pixel(left as u32, top as u32), "at {x}, {y}");
        }
    }
    // About 400 pixels, and a title above it.
    let figure = decoded(&ask("layer=input", "image/png").await);
    assert!(figure.width() > 450 && figure.height() > figure.width());

    let files = unzipped(ask("layer=input", "application/x-npz").await, 1);
    let (shape, values) = npy(&files[0].1);
    assert_eq!(shape, [3, 150, 150]);
    for (value, pixel) in values.iter().zip(found.pixels()) {
        assert!((value - f32::from(pixel.0[0]) / 255.0).abs() < 1e-6);
    }
    // The graph's own name is the same layer.
    let answer = ask_json("layer=input&layer=conv2d_1").await;
    let name = answer["layers"][0]["name"].as_str().unwrap();
    assert_eq!(ask_json(&format!("layer={name}&layer=conv2d_1&layer=input")).await, answer);
}

#[tokio::test]
async fn axes_and_a_title_make_the_picture_larger() {
    let size = |query: &'static str| async move {
        decoded(&ask(&format!("layer=conv2d_4&titles=false&{query}"), "image/png").await)
            .dimensions()
    };
    let bare = size("zoom=2").await;
    let (axes, title) = (size("zoom=2&axes=true").await, size("zoom=2&title=Cat").await);
    assert!(axes.0 > bare.0 + 40 && axes.1 > bare.1 + 40, "{axes:?}, {bare:?}");
    assert!(title.1 > bare.1 + 40, "{title:?}, {bare:?}");
    let bare = size("channel=3").await;
    let (axes, title) = (size("channel=3&axes=true").await, size("channel=3&title=Cat").await);
    assert!(axes.0 > bare.0 + 40 && axes.1 > bare.1 + 40, "{axes:?}, {bare:?}");
    assert!(title.1 > bare.1 + 40, "{title:?}, {bare:?}");
}

#[tokio::test]
async fn json_describes_every_channel() {
    let answer = ask_json("").await;
    let layers = answer["layers"].as_array().unwrap();
    assert_eq!(layers.len(), LAYERS.len());
    for (layer, (name, shape)) in layers.iter().zip(LAYERS) {
        assert_eq!(layer["name"], name);
        assert_eq!(layer["shape"], Value::from(shape.to_vec()), "{name}");
        let channels = layer["channels"].as_array().unwrap();
        assert_eq!(channels.len() as u64, shape[0], "{name}");
        let dead = channels.iter().filter(|channel| channel["dead"] == true);
        let dead: Vec<Value> = dead.map(|channel| channel["index"].clone()).collect();
        assert_eq!(layer["dead"], Value::from(dead), "{name}");
    }
}

#[tokio::test]
async fn the_zip_has_the_pictures_of_the_json_answer() {
    let answer = ask_json("").await;
    let files = unzipped(ask("", "application/zip").await, LAYERS.len());
    for (layer, (name, bytes)) in answer["layers"].as_array().unwrap().iter().zip(files) {
        assert_eq!(name, format!("{}.png", layer["name"].as_str().unwrap()));
        assert_eq!(from_base64(&layer["png"]), bytes, "{name}");
    }
}

#[tokio::test]
async fn the_npz_arrays_have_the_statistics_of_the_json_answer() {
    let answer = ask_json("").await;
    let files = unzipped(ask("", "application/x-npz").await, LAYERS.len());
    for ((layer, (name, bytes)), (expected, shape)) in
        answer["layers"].as_array().unwrap().iter().zip(files).zip(LAYERS)
    {
        assert_eq!(name, format!("{expected}.npy"));
        let (found, values) = npy(&bytes);
        assert_eq!(found, shape, "{name}");
        let positions = values.len() / layer["channels"].as_array().unwrap().len();
        for (channel, values) in
            layer["channels"].as_array().unwrap().iter().zip(values.chunks(positions))
        {
            let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / positions as f64;
            let given = channel["mean"].as_f64().unwrap();
            assert!(
                (mean - given).abs() <= 1e-9 * mean.abs().max(1.0),
                "{name}: {mean}, but JSON has {given}"
            );
            let largest = values.iter().copied().fold(f32::MIN, f32::max);
            assert_eq!(channel["max"].as_f64().unwrap() as f32, largest, "{name}");
        }
    }
}

#[tokio::test]
async fn chosen_channels_are_drawn_in_the_given_order() {
    let answer = ask_json("layer=conv2d_1&channel=9,2&normalize=layer").await;
    let channels = answer["layers"][0]["channels"].as_array().unwrap();
    let indices: Vec<u64> = channels.iter().map(|it| it["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [9, 2]);
    assert_eq!(answer["normalize"], "minmax");
}

#[tokio::test]
async fn channels_are_sorted_and_limited() {
    for key in ["mean", "max", "std"] {
        let answer = ask_json(&format!("layer=conv2d_2&order={key}&limit=5")).await;
        let channels = answer["layers"][0]["channels"].as_array().unwrap();
        let values: Vec<f64> = channels.iter().map(|it| it[key].as_f64().unwrap()).collect();
        assert_eq!(values.len(), 5);
        assert!(values.is_sorted_by(|a, b| a >= b), "{key}: {values:?}");
    }
}

#[tokio::test]
async fn layer_accepts_aliases_and_any_onnx_value() {
    let answer = ask_json("layer=last_conv&layer=dense_1").await;
    assert_eq!(answer["layers"][0]["name"], "conv2d_4");
    assert_eq!(answer["layers"][1]["shape"], Value::from(vec![1, 1, 512]));
}

#[tokio::test]
async fn headers_have_the_stages_and_the_number_of_dead_channels() {
    let reply = Client::new().post("/activations", "application/json", &pictures::png()).await;
    let answer = reply.json();
    let layers = answer["layers"].as_array().unwrap().iter();
    let dead: usize = layers.map(|layer| layer["dead"].as_array().unwrap().len()).sum();
    assert_eq!(reply.header("convscope-dead-channels"), Some(dead.to_string().as_str()));
    assert_eq!(reply.header("convscope-model"), Some("cats_and_dogs_small_1"));
    let timing = reply.header("server-timing").unwrap();
    let stages = timing.split(", ").map(|stage| stage.split(';').next().unwrap());
    assert_eq!(
        stages.collect::<Vec<_>>(),
        ["read", "queue", "decode", "forward", "explain", "encode"]
    );
}
