//! Colour bars, against the rows of matplotlib's colour maps.

use convscope::render::{
    ColorRange, Colormap, Drawing, HeatmapOptions, Panel, RenderError, View, heatmap,
};
use image::{Rgb, RgbImage};
use ndarray::{Array2, array};

use super::{color_type, pixels, sequential};

/// The columns of the bar beside a panel that ends at `right`.
fn bar(right: u32) -> std::ops::Range<u32> {
    right + 8..right + 22
}

fn range(low: f64, high: f64) -> ColorRange {
    ColorRange { values: [low, high], clipped: false, signed: low < 0.0 }
}

fn draw(heat: &Array2<f32>, bars: &[Option<ColorRange>], options: &HeatmapOptions) -> Drawing {
    let panel = |&colorbar: &Option<ColorRange>| Panel {
        heat: heat.view(),
        caption: Some("cat".to_owned()),
        colorbar,
    };
    let panels: Vec<Panel<'_>> = bars.iter().map(panel).collect();
    let picture = RgbImage::from_pixel(300, 256, Rgb([90, 90, 90]));
    heatmap(&picture, &panels, options, sequential).unwrap()
}

/// Whether the columns of the bar have the colours of `colormap`, the last one at the top, over
/// `height` rows from `top`.
fn assert_is_bar(picture: &RgbImage, right: u32, (top, height): (u32, u32), colormap: Colormap) {
    let rows = colormap.rows();
    for y in 0..height {
        let centre = (f64::from(height - y) - 0.5) / f64::from(height);
        let level = (256.0 * centre) as usize;
        for x in bar(right) {
            assert_eq!(picture.get_pixel(x, top + y).0, rows[level], "{x}, {y}");
        }
    }
    for x in bar(right) {
        assert_eq!(picture.get_pixel(x, top + height).0, [255; 3]);
        assert_eq!(picture.get_pixel(x, top - 1).0, [255; 3]);
    }
}

#[test]
fn a_bar_has_every_colour_and_leaves_the_panels_as_they_are() {
    let heat = array![[0.0, 1.0], [0.5, 0.25]];
    let options = HeatmapOptions::of(View::Overlay);
    let with = pixels(&draw(&heat, &[Some(range(0.0, 0.25)), Some(range(0.0, 4.0))], &options));
    let without = pixels(&draw(&heat, &[None, None], &options));
    assert!(with.width() > without.width() && with.height() == without.height());
    // A margin of 12, a caption of 28, panels of 300 × 256, and the other panel at the right edge.
    assert_is_bar(&with, 312, (40, 256), Colormap::Jet);
    let strip = (with.width() - without.width()) / 2;
    assert_is_bar(&with, 312 + strip + 312, (40, 256), Colormap::Jet);
    let before_margin = |&(x, _, _): &(u32, u32, &Rgb<u8>)| x < without.width() - 12;
    for (x, y, &pixel) in without.enumerate_pixels().filter(before_margin) {
        let x = if x < 318 { x } else { x + strip };
        assert_eq!(*with.get_pixel(x, y), pixel, "{x}, {y}");
    }
}

#[test]
fn labels_differ_with_the_values() {
    let heat = array![[0.0, 1.0]];
    let options = HeatmapOptions::of(View::Heatmap);
    let drawn = |high: f64| draw(&heat, &[Some(range(0.0, high))], &options);
    assert_eq!(color_type(&drawn(0.5)), 3);
    let (one, other) = (pixels(&drawn(0.5)), pixels(&drawn(0.7)));
    assert_eq!(one.dimensions(), other.dimensions());
    let differ = |(x, y, pixel): (u32, u32, &Rgb<u8>)| other.get_pixel(x, y) != pixel && x < 334;
    assert!(one != other && !one.enumerate_pixels().any(differ));
}

#[test]
fn cells_have_a_bar_of_the_values_that_they_show() {
    let heat = array![[-1.0, 0.5], [0.25, 0.0]];
    let options = HeatmapOptions::of_signed(View::Cells);
    let picture = pixels(&draw(&heat, &[Some(range(-3.0, 3.0))], &options));
    // A tile is about 400 pixels wide, below a margin and a caption.
    let zoom = (0..).take_while(|x| picture.get_pixel(12 + x, 40).0 == Colormap::Rdbu.rows()[0]);
    let side = 2 * zoom.count() as u32;
    assert_is_bar(&picture, 12 + side, (40, side), Colormap::Rdbu);
    // Cells without a sign are stretched from the least to the greatest value. So are the labels.
    let options = HeatmapOptions::of(View::Cells);
    let stretched = draw(&array![[0.5, 1.0]], &[Some(range(0.0, 4.0))], &options);
    let labelled = draw(&array![[0.0, 1.0]], &[Some(range(2.0, 4.0))], &options);
    assert!(pixels(&stretched) == pixels(&labelled));
}

#[test]
fn the_bar_counts_for_the_size_limit() {
    let heat = Array2::<f32>::zeros((2, 2));
    let draw = |max_pixels, colorbar| {
        let options = HeatmapOptions { max_pixels, ..HeatmapOptions::of(View::Heatmap) };
        let panel = Panel { heat: heat.view(), caption: None, colorbar };
        heatmap(&RgbImage::new(256, 256), &[panel], &options, sequential)
    };
    assert!(draw(1 << 16, None).is_ok());
    let refused = draw(1 << 16, Some(range(0.0, 0.0)));
    assert!(matches!(refused, Err(RenderError::TooLarge { .. })), "{refused:?}");
}
