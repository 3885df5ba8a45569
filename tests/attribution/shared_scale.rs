//! One scale for the maps of several classes: the same colour is the same value of the raw map.

use convscope::render::{ColorRange, HeatmapOptions, Panel, View, Window, heatmap};
use convscope::service::{GradCam, OutputFormat};
use image::RgbImage;
use ndarray::Array2;
use serde_json::Value;

use crate::convnet::{ask, context, reference};
use crate::http::client::from_base64;
use crate::render::{pixels, sequential};

/// The positive values of a raw map of the answer.
fn positive(map: &Value) -> Array2<f32> {
    let rows = map["map"].as_array().unwrap();
    let values = rows.iter().flat_map(|row| row.as_array().unwrap());
    let values = values.map(|value| value.as_f64().unwrap().max(0.0) as f32).collect();
    Array2::from_shape_vec((rows.len(), rows[0].as_array().unwrap().len()), values).unwrap()
}

/// The part of the picture that the network got.
fn window(answer: &Value, picture: &RgbImage) -> Window {
    let side = |index: usize| answer["window"][index].as_f64().unwrap();
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let [top, left] = [side(0) / height, side(1) / width];
    Window { left, top, width: side(3) / width, height: side(2) / height }
}

#[test]
fn classes_of_different_probability_have_one_scale() {
    let context = context("efficientnet_lite0");
    // Their probabilities, and so the factors between the seeds and the scores, differ.
    let asked = [
        ("class", "281"),
        ("class", "282"),
        ("scale", "shared"),
        ("view", "heatmap"),
        ("colorbar", "true"),
    ];
    let answer = ask::<GradCam>(&context, OutputFormat::Json, &asked);
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let maps: Vec<Array2<f32>> = (0..2).map(|index| positive(&answer["maps"][index])).collect();
    let max = |map: &Array2<f32>| map.fold(0.0f32, |max, &value| max.max(value));
    let maxima = [max(&maps[0]), max(&maps[1])];
    assert!(maxima[0].max(maxima[1]) > 1.5 * maxima[0].min(maxima[1]), "{maxima:?}");
    let largest = maxima[0].max(maxima[1]);
    let heats = [&maps[0] / largest, &maps[1] / largest];
    let values = [0.0, f64::from(largest)];
    let panel = |heat| Panel {
        heat,
        caption: Some(String::new()),
        colorbar: Some(ColorRange { values, clipped: false, signed: false }),
    };
    let panels = [panel(heats[0].view()), panel(heats[1].view())];
    let picture = image::open(reference("chelsea.png")).unwrap().into_rgb8();
    let window = window(&answer, &picture);
    let options = HeatmapOptions { window, ..HeatmapOptions::of(View::Heatmap) };
    let expected = pixels(&heatmap(&picture, &panels, &options, sequential).unwrap());
    let found = image::load_from_memory(&from_base64(&answer["png"])).unwrap().into_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    // The captions differ. Where a heat is next to the bound of a level, rounding decides.
    let below_captions = |(_, y, _): &(u32, u32, &image::Rgb<u8>)| *y >= 40;
    let below = found.enumerate_pixels().filter(below_captions);
    let differ = below.filter(|&(x, y, pixel)| expected.get_pixel(x, y) != pixel).count();
    assert!(differ * 100 < (found.width() * found.height()) as usize, "{differ} pixels differ");
}
