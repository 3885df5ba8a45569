use convscope::render::{ColorRange, HeatmapOptions, Panel, View, heatmap};
use image::RgbImage;
use ndarray::Array2;
use serde_json::Value;

use super::client::{Client, from_base64};
use super::pictures;
use crate::render::{pixels, sequential};

async fn explain(query: &str) -> (Value, RgbImage) {
    let path = format!("/explain?view=heatmap&class=dog&{query}");
    let answer = Client::new().post(&path, "application/json", &pictures::png()).await;
    let answer: Value = serde_json::from_slice(&answer.file()).unwrap();
    let png = from_base64(&answer["png"]);
    (answer, image::load_from_memory(&png).unwrap().into_rgb8())
}

/// The picture that `png` should be to the right of its first map, by the numbers of the answer.
fn expected(options: &HeatmapOptions, range: ColorRange) -> RgbImage {
    let heat = Array2::zeros((2, 2));
    let panel = Panel { heat: heat.view(), caption: None, colorbar: Some(range) };
    let picture = image::load_from_memory(&pictures::png()).unwrap().into_rgb8();
    pixels(&heatmap(&picture, &[panel], options, sequential).unwrap())
}

/// Compares all columns to the right of a map of 256 pixels and a margin of 12.
fn assert_same_bar(found: &RgbImage, expected: &RgbImage) {
    assert_eq!(found.dimensions(), expected.dimensions());
    let differs = |(x, y, pixel): (u32, u32, &_)| x >= 268 && expected.get_pixel(x, y) != pixel;
    assert!(!found.enumerate_pixels().any(differs));
}

#[tokio::test]
async fn the_bar_has_the_values_of_the_json_answer() {
    let (answer, picture) = explain("colorbar=true").await;
    let max = answer["maps"][0]["max"].as_f64().unwrap();
    let range = ColorRange { values: [0.0, max], clipped: false, signed: false };
    assert_same_bar(&picture, &expected(&HeatmapOptions::of(View::Heatmap), range));

    let (answer, picture) = explain("colorbar=true&sign=both").await;
    let bound = |name: &str| answer["maps"][0][name].as_f64().unwrap().abs();
    let largest = bound("min").max(bound("max"));
    let range = ColorRange { values: [-largest, largest], clipped: false, signed: true };
    assert_same_bar(&picture, &expected(&HeatmapOptions::of_signed(View::Heatmap), range));
}

#[tokio::test]
async fn a_clipped_map_has_the_percentile_at_the_end_of_the_bar() {
    let (answer, picture) = explain("colorbar=true&percentile=90").await;
    let rows = answer["maps"][0]["map"].as_array().unwrap().iter();
    let mut values: Vec<f64> = rows
        .flat_map(|row| row.as_array().unwrap())
        .map(|value| value.as_f64().unwrap().max(0.0))
        .collect();
    values.sort_by(f64::total_cmp);
    let rank = (0.9 * (values.len() - 1) as f64).ceil() as usize;
    let range = ColorRange { values: [0.0, values[rank]], clipped: true, signed: false };
    assert_same_bar(&picture, &expected(&HeatmapOptions::of(View::Heatmap), range));
}

#[tokio::test]
async fn without_a_bar_and_as_a_mask_the_picture_has_its_own_size() {
    for query in ["colorbar=false", "colorbar=true&view=mask"] {
        let path = format!("/gradcam?{query}");
        let answer = Client::new().post(&path, "image/png", &pictures::png()).await;
        let picture = image::load_from_memory(&answer.file()).unwrap();
        assert_eq!((picture.width(), picture.height()), (96, 64), "{query}");
    }
}
