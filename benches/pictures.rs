//! The cost of decoding, preprocessing, statistics and drawing. `cargo bench --bench pictures`
//!
//! The grid is that of VGG16's block1_conv1, 64 channels of 224 × 224. Photographs have 12
//! megapixels.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops if its setup fails")]

use std::io::Cursor;

use convscope::config::ImageLimits;
use convscope::explain::{Normalize, channel_statistics, levels};
use convscope::preprocess::{Crop, Picture, Preprocessing, Resize, decode};
use convscope::render::{GridOptions, HeatmapOptions, Panel, Tiles, View, grid, heatmap};
use divan::Bencher;
use image::{ImageFormat, RgbImage};
use ndarray::{Array2, Array3};

fn main() {
    divan::main();
}

const LIMITS: ImageLimits =
    ImageLimits { pixels: 32_000_000, side: 16_384, decode_bytes: 256 << 20 };

/// A smooth picture with some texture, so that it compresses like a photograph.
fn photograph() -> RgbImage {
    RgbImage::from_fn(4000, 3000, |x, y| {
        let wave = |k: f32| ((x as f32 * k).sin() + (y as f32 * k * 0.7).cos()) * 50.0 + 128.0;
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 29;
        image::Rgb([0.004, 0.011, 0.03].map(|k| wave(k) as u8 + grain as u8))
    })
}

fn file(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    photograph().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[divan::bench(args = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP], sample_count = 10)]
fn decode_12_megapixels(bencher: Bencher<'_, '_>, format: &ImageFormat) {
    let bytes = file(*format);
    bencher.bench(|| decode(&bytes, &LIMITS).unwrap());
}

#[divan::bench(args = [Resize::Nearest, Resize::Bilinear, Resize::Bicubic], sample_count = 20)]
fn tensor_of_12_megapixels(bencher: Bencher<'_, '_>, resize: &Resize) {
    let picture = Picture { pixels: photograph(), format: convscope::preprocess::Format::Png };
    let preprocessing =
        Preprocessing { resize: *resize, crop: Crop::Center, ..Preprocessing::default() };
    bencher.bench(|| preprocessing.tensor(&picture));
}

/// A layer after ReLU.
fn layer(channels: usize, side: usize) -> Array3<f32> {
    Array3::from_shape_fn((channels, side, side), |(k, y, x)| {
        let k = 0.05 + k as f32 * 0.01;
        ((x as f32 * k).sin() * (y as f32 * k * 1.3).cos() - 0.1).max(0.0)
    })
}

fn layer_levels() -> Array3<u8> {
    let layer = layer(64, 224);
    let all: Vec<usize> = (0..64).collect();
    levels(layer.view(), &channel_statistics(layer.view()), &all, Normalize::Standard)
}

#[divan::bench(args = [false, true])]
fn statistics(bencher: Bencher<'_, '_>, channels_last: bool) {
    let layer = stored(channels_last);
    bencher.bench(|| channel_statistics(layer.view()));
}

#[divan::bench(args = [false, true])]
fn standard_levels(bencher: Bencher<'_, '_>, channels_last: bool) {
    let layer = stored(channels_last);
    let statistics = channel_statistics(layer.view());
    let all: Vec<usize> = (0..64).collect();
    bencher.bench(|| levels(layer.view(), &statistics, &all, Normalize::Standard));
}

/// A small layer: 128 channels of 15 × 15.
#[divan::bench]
fn statistics_and_levels_of_a_small_layer(bencher: Bencher<'_, '_>) {
    let layer = layer(128, 15);
    let all: Vec<usize> = (0..128).collect();
    bencher.bench(|| {
        levels(layer.view(), &channel_statistics(layer.view()), &all, Normalize::Standard)
    });
}

/// A layer as channels × height × width, in either memory order.
fn stored(channels_last: bool) -> Array3<f32> {
    let layer = layer(64, 224);
    if !channels_last {
        return layer;
    }
    let last = layer.permuted_axes([1, 2, 0]).as_standard_layout().into_owned();
    last.permuted_axes([2, 0, 1])
}

/// At 1:1 without and with titles, then at the figure's own size.
#[divan::bench(args = [(Some(1), false), (Some(1), true), (None, true)])]
fn grid_of_64_channels(bencher: Bencher<'_, '_>, (zoom, titles): (Option<u32>, bool)) {
    let levels = layer_levels();
    let title = "block1_conv1  224 × 224 × 64".to_owned();
    let tiles = [Tiles::channels(title, levels.view(), Vec::new())];
    let options = GridOptions { zoom, titles, stretch: true, ..GridOptions::default() };
    bencher.bench(|| grid(&tiles, &options, |count, draw| (0..count).for_each(draw)).unwrap());
}

/// The eight layers of the convnet in one figure, with one thread.
#[divan::bench]
fn figure_of_the_convnet(bencher: Bencher<'_, '_>) {
    let sizes = [32, 32, 64, 64, 128, 128, 128, 128].into_iter();
    let levels: Vec<Array3<u8>> = sizes
        .zip([148, 74, 72, 36, 34, 17, 15, 7])
        .map(|(channels, side)| {
            let layer = layer(channels, side);
            let all: Vec<usize> = (0..channels).collect();
            let statistics = channel_statistics(layer.view());
            levels(layer.view(), &statistics, &all, Normalize::Standard)
        })
        .collect();
    let title = || "conv2d  148 × 148 × 32".to_owned();
    let tiles = levels.iter().map(|levels| Tiles::channels(title(), levels.view(), Vec::new()));
    let tiles: Vec<Tiles<'_>> = tiles.collect();
    let options = GridOptions { stretch: true, ..GridOptions::default() };
    bencher.bench(|| grid(&tiles, &options, |count, draw| (0..count).for_each(draw)).unwrap());
}

#[divan::bench(args = [View::Overlay, View::Heatmap, View::Mask], sample_count = 10)]
fn heatmap_of_12_megapixels(bencher: Bencher<'_, '_>, view: &View) {
    let picture = photograph();
    let heat = Array2::from_shape_fn((14, 14), |(y, x)| (y * x) as f32 / 169.0);
    let panels = [Panel { heat: heat.view(), caption: None, colorbar: None }];
    bencher.bench(|| {
        heatmap(&picture, &panels, &HeatmapOptions::of(*view), |count, draw| {
            (0..count).for_each(draw)
        })
        .unwrap()
    });
}
