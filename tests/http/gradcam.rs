use std::fs;
use std::path::Path;
use std::sync::Arc;

use convscope::config::HttpLimits;
use convscope::runtime::Engine;
use convscope::service::LoadedModels;
use serde_json::Value;

use super::client::{Client, app, from_base64};
use super::pictures;

async fn ask(query: &str, accept: &str) -> Vec<u8> {
    let path = format!("/gradcam?{query}");
    Client::new().post(&path, accept, &pictures::png()).await.file()
}

async fn ask_json(query: &str) -> Value {
    serde_json::from_slice(&ask(query, "application/json").await).unwrap()
}

fn size(png: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap();
    (picture.width(), picture.height())
}

/// The raw map of the answer's map `index`.
fn map(answer: &Value, index: usize) -> Vec<f32> {
    let rows = answer["maps"][index]["map"].as_array().unwrap().iter();
    let values = rows.flat_map(|row| row.as_array().unwrap());
    values.map(|value| value.as_f64().unwrap() as f32).collect()
}

#[tokio::test]
async fn by_default_the_most_likely_class_is_explained_at_the_layer_of_the_card() {
    let client = Client::new();
    let reply = client.post("/gradcam", "*/*", &pictures::png()).await;
    let predicted = client.post("/predict", "*/*", &pictures::png()).await.json();
    assert_eq!(reply.header("convscope-layer"), Some("conv2d_4"));
    let class = predicted["predictions"][0]["class"].to_string();
    assert_eq!(reply.header("convscope-class"), Some(class.as_str()));
    assert_eq!(size(&reply.file()), (96, 64));
}

#[tokio::test]
async fn json_has_the_picture_the_map_and_every_resolved_parameter() {
    let answer = ask_json("class=dog&alpha=0.25&score=logit&sign=negative&view=mask").await;
    for (key, expected) in [
        ("layer", Value::from("conv2d_4")),
        ("layer_shape", Value::from(vec![15, 15, 128])),
        ("picture", Value::from(vec![64, 96])),
        ("score", Value::from("logit")),
        ("sign", Value::from("negative")),
        ("view", Value::from("mask")),
        ("alpha", Value::from(0.25)),
    ] {
        assert_eq!(answer[key], expected, "{key}");
    }
    assert_eq!(answer["maps"][0]["label"], "dog");
    assert_eq!(map(&answer, 0).len(), 15 * 15);
    assert_eq!(size(&from_base64(&answer["png"])), (96, 64));
}

#[tokio::test]
async fn the_array_is_the_map_of_the_json_answer() {
    let answer = ask_json("class=cat&class=dog").await;
    let file = ask("class=cat&class=dog", "application/x-npy").await;
    let array = npyz::NpyFile::new(&file[..]).unwrap();
    assert_eq!(array.shape(), [2, 15, 15]);
    let values: Vec<f32> = array.into_vec().unwrap();
    assert_eq!(values, [map(&answer, 0), map(&answer, 1)].concat());
    let file = ask("class=cat", "application/x-npy").await;
    assert_eq!(npyz::NpyFile::new(&file[..]).unwrap().shape(), [15, 15]);
}

#[tokio::test]
async fn a_class_is_given_by_index_or_label() {
    let expected = ask("class=1", "image/png").await;
    for given in ["dog", "Dog", "%20DOG%20"] {
        assert_eq!(ask(&format!("class={given}"), "image/png").await, expected, "{given}");
    }
}

#[tokio::test]
async fn the_maps_of_two_classes_are_negatives_of_each_other() {
    let answer = ask_json("class=cat&class=dog").await;
    let negated: Vec<f32> = map(&answer, 0).iter().map(|value| -value).collect();
    assert_eq!(map(&answer, 1), negated);
    let against = ask_json("class=cat&sign=negative").await;
    assert_eq!(map(&against, 0), negated);
}

/// For a black picture the map of one class is positive everywhere. The map of the other class is
/// its negative.
#[tokio::test]
async fn an_empty_map_has_a_hint() {
    let black = pictures::encoded(&image::RgbImage::new(32, 32));
    let path = "/gradcam?class=cat&class=dog&layer=conv2d_4";
    let answer = Client::new().post(path, "application/json", &black).await.json();
    let mut empty = Vec::new();
    for (index, one) in answer["maps"].as_array().unwrap().iter().enumerate() {
        let is_empty = map(&answer, index).iter().all(|&value| value <= 0.0);
        assert_eq!(one["empty"], is_empty, "{}", one["label"]);
        assert_eq!(one["hint"].is_string(), is_empty, "{}", one["label"]);
        empty.push(is_empty);
    }
    empty.sort_unstable();
    assert_eq!(empty, [false, true]);
}

#[tokio::test]
async fn headers_have_one_value_for_each_map() {
    let reply = Client::new().post("/gradcam?top=2", "image/png", &pictures::png()).await;
    for name in ["class", "probability", "empty", "saturated"] {
        let value = reply.header(&format!("convscope-{name}")).unwrap();
        assert_eq!(value.split(',').count(), 2, "{name}: {value}");
    }
    let (width, height) = size(&reply.file());
    assert!(width > 2 * 96 && height > 64, "a figure of two panels, not {width} × {height}");
}

#[tokio::test]
async fn every_layer_with_height_and_width_can_be_explained() {
    for layer in ["conv2d_1", "max_pooling2d_2", "conv2d_3", "max_pooling2d_4", "last_conv"] {
        let answer = ask_json(&format!("layer={layer}")).await;
        let shape = answer["layer_shape"].as_array().unwrap().iter();
        let shape: Vec<usize> = shape.map(|it| it.as_u64().unwrap() as usize).collect();
        assert_eq!(map(&answer, 0).len(), shape[0] * shape[1], "{layer}");
    }
}

#[tokio::test]
async fn predictions_are_probabilities_in_order() {
    let client = Client::new();
    let answer = client.post("/predict", "application/json", &pictures::png()).await.json();
    let classes = answer["predictions"].as_array().unwrap();
    let probabilities: Vec<f64> =
        classes.iter().map(|it| it["probability"].as_f64().unwrap()).collect();
    assert_eq!(classes.len(), 2);
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{probabilities:?}");
    assert!(probabilities[0] >= probabilities[1]);
    let answer = client.post("/predict?top=1", "*/*", &pictures::png()).await.json();
    assert_eq!(answer["predictions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_gradient_graph_is_an_onnx_file_with_the_layers_asked_for() {
    let path =
        "/models/cats_and_dogs_small_1/gradient?layer=conv2d_4&layer=last_conv&layer=conv2d_1";
    let file = Client::new().get(path).await.file();
    let graph = convscope::onnx::Model::decode(&file).unwrap();
    let outputs: Vec<&str> = graph.outputs().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(outputs, ["grad/conv2d_4", "grad/conv2d_1"]);
    assert!(graph.inputs().iter().any(|input| input.name == "seed"));
}

/// The bundled network with a card that crops the picture to its middle square.
fn center_cropping() -> Client {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("middle");
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
    fs::create_dir_all(folder.join("middle")).unwrap();
    let card = fs::read_to_string(bundled.join("model.toml")).unwrap();
    let card = card.replace("crop = \"none\"", "crop = \"center\"");
    assert!(card.contains("center") && card.contains("nearest"), "{card}");
    fs::write(folder.join("middle/model.toml"), card).unwrap();
    for file in ["model.onnx", "labels.json"] {
        fs::copy(bundled.join(file), folder.join("middle").join(file)).unwrap();
    }
    let models = LoadedModels::load(&folder, "middle", &Engine::default()).unwrap();
    Client::of(Arc::new(app(models, 8, HttpLimits::default())))
}

/// Outside the crop there is no heat. Inside, the heat is that of the cropped picture alone.
#[tokio::test]
async fn the_map_of_a_model_that_crops_covers_the_crop() {
    let client = center_cropping();
    let color = |x: u32, y: u32| image::Rgb([x as u8, (y * 3) as u8, (x * y) as u8]);
    // Resizing 65 pixels to 150 has no ties, whose rounding in Pillow depends on the offset of the
    // crop.
    let whole = image::RgbImage::from_fn(195, 65, color);
    let middle = image::RgbImage::from_fn(65, 65, |x, y| color(x + 65, y));
    let query = "/gradcam?class=dog&view=heatmap&colormap=gray";
    let mut drawn = Vec::new();
    for picture in [&whole, &middle] {
        let png = client.post(query, "image/png", &pictures::encoded(picture)).await.file();
        drawn.push(image::load_from_memory(&png).unwrap().into_rgb8());
    }
    assert!(drawn[1].pixels().any(|pixel| pixel[0] > 200), "the map is empty");
    for (x, y, pixel) in drawn[0].enumerate_pixels() {
        let expected = if (65..130).contains(&x) { drawn[1].get_pixel(x - 65, y)[0] } else { 0 };
        // Positions in the larger picture round differently, which may change a level by one.
        assert!(pixel[0].abs_diff(expected) <= 1, "at {x}, {y}: {} and {expected}", pixel[0]);
    }
    let answer = client.post(query, "application/json", &pictures::encoded(&whole)).await.json();
    assert_eq!(answer["window"], serde_json::json!([0.0, 65.0, 65.0, 65.0]));
}
