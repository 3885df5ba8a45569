//! Heat maps and overlays, against OpenCV.

use convscope::render::{
    Colormap, Drawing, HeatmapOptions, Panel, RenderError, View, Window, heatmap, resize_linear,
};
use image::{Rgb, RgbImage};
use ndarray::Array2;

use super::{color_type, pixels, sequential};
use crate::explain::map;
use crate::preprocess::{picture, reference};

#[test]
fn interpolation_is_that_of_opencv() {
    let small = map("heat/map.npy");
    for (height, width) in [(23, 31), (133, 200), (5, 7), (2, 3), (60, 5)] {
        let expected = map(&format!("heat/resized_{height}x{width}.npy"));
        let found = resize_linear(small.view(), width, height);
        assert_eq!(found.dim(), expected.dim());
        for (found, expected) in found.iter().zip(&expected) {
            // A few times half a unit in the last place of 1: OpenCV may fuse multiplications and
            // additions.
            assert!((found - expected).abs() <= 2.5e-7, "{height}×{width}: {found} {expected}");
        }
    }
}

/// One pixel in a thousand may differ: where 255 · heat is next to a whole number, rounding decides
/// the level.
fn assert_nearly_equal(found: &RgbImage, file: &str) {
    let expected = image::open(reference(file)).unwrap().into_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    let off = found.pixels().zip(expected.pixels()).filter(|(a, b)| a != b).count();
    assert!(off * 1000 <= found.pixels().len(), "{file}: {off} pixels differ");
}

fn drawn(options: &HeatmapOptions) -> Drawing {
    let heat = map("heat/map.npy");
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    heatmap(&picture("cat.png").pixels, &[panel], options, sequential).unwrap()
}

#[test]
fn the_overlay_is_that_of_the_books_code_in_opencv() {
    for alpha in [0.4, 0.5] {
        let drawing = drawn(&HeatmapOptions { alpha, ..HeatmapOptions::of(View::Overlay) });
        assert_nearly_equal(&pixels(&drawing), &format!("heat/overlay_{alpha}.png"));
    }
}

#[test]
fn the_heat_map_alone_is_a_palette_of_viridis() {
    let drawing = drawn(&HeatmapOptions::of(View::Heatmap));
    assert_eq!(color_type(&drawing), 3);
    assert_nearly_equal(&pixels(&drawing), "heat/heatmap.png");
}

#[test]
fn a_mask_keeps_the_picture_where_there_is_heat() {
    let cat = picture("cat.png").pixels;
    let options = HeatmapOptions::of(View::Mask);
    for (heat, factor) in [(1.0, 1.0), (0.0, 0.25), (0.5, 0.625)] {
        let heat = Array2::from_elem((3, 4), heat);
        let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
        let found = pixels(&heatmap(&cat, &[panel], &options, sequential).unwrap());
        for (found, original) in found.iter().zip(cat.iter()) {
            assert!((f32::from(*found) - factor * f32::from(*original)).abs() <= 0.5 + 1e-3);
        }
    }
}

#[test]
fn a_map_in_a_window_leaves_the_picture_around_it_without_heat() {
    let picture = RgbImage::new(40, 20);
    let heat = Array2::from_elem((3, 4), 1.0);
    let window = Window { left: 0.25, top: 0.5, width: 0.5, height: 0.25 };
    let options =
        HeatmapOptions { colormap: Colormap::Gray, window, ..HeatmapOptions::of(View::Heatmap) };
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let found = pixels(&heatmap(&picture, &[panel], &options, sequential).unwrap());
    for (x, y, pixel) in found.enumerate_pixels() {
        let inside = (10..30).contains(&x) && (10..15).contains(&y);
        assert_eq!(pixel[0], if inside { 255 } else { 0 }, "at {x}, {y}");
    }
}

#[test]
fn an_empty_map_is_a_picture_without_heat() {
    let cat = picture("cat.png").pixels;
    let heat = Array2::zeros((14, 14));
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let drawing = heatmap(&cat, &[panel], &HeatmapOptions::of(View::Overlay), sequential).unwrap();
    let cold = Colormap::Jet.rows()[0];
    for (found, original) in pixels(&drawing).pixels().zip(cat.pixels()) {
        for c in 0..3 {
            let sum = 0.4 * f64::from(cold[c]) + f64::from(original[c]);
            assert_eq!(f64::from(found[c]), sum.round_ties_even().min(255.0));
        }
    }
}

#[test]
fn several_maps_stand_side_by_side() {
    let cat = picture("cat.png").pixels;
    let heat = map("heat/map.npy");
    let panel = |caption: &str| Panel {
        heat: heat.view(),
        caption: Some(caption.to_owned()),
        colorbar: None,
    };
    let panels = [panel("tabby, tabby cat  0.83"), panel("Ägyptische Katze, кошка  0.12")];
    for view in [View::Overlay, View::Heatmap, View::Mask] {
        let found = pixels(&heatmap(&cat, &panels, &HeatmapOptions::of(view), sequential).unwrap());
        // The picture is scaled to 256 × 170.
        assert_eq!(found.dimensions(), (3 * 12 + 2 * 256, 12 + 28 + 170 + 12));
        let dark = |x: u32, y: u32| found.get_pixel(x, y).0.iter().all(|&value| value < 128);
        assert!((12..268).any(|x| (12..40).any(|y| dark(x, y))), "the caption is written");
    }
    let limited = HeatmapOptions { max_pixels: 100_000, ..HeatmapOptions::of(View::Mask) };
    let error = heatmap(&cat, &panels, &limited, sequential).unwrap_err();
    assert!(matches!(error, RenderError::TooLarge { .. }));
    assert!(error.to_string().contains("fewer classes"), "{error}");
}

#[test]
fn the_file_does_not_depend_on_the_order_of_drawing() {
    let picture = RgbImage::from_fn(90, 130, |x, y| Rgb([x as u8, y as u8, 99]));
    let heat = Array2::from_shape_fn((5, 4), |(y, x)| (y * 4 + x) as f32 / 19.0);
    let panel = |caption: Option<&str>| Panel {
        heat: heat.view(),
        caption: caption.map(str::to_owned),
        colorbar: None,
    };
    let window = Window { left: 0.1, top: 0.2, width: 0.7, height: 0.5 };
    for view in [View::Overlay, View::Heatmap, View::Mask] {
        let options = HeatmapOptions { window, ..HeatmapOptions::of(view) };
        for panels in [vec![panel(None)], vec![panel(Some("cat  0.9")), panel(Some("dog  0.1"))]] {
            let file = heatmap(&picture, &panels, &options, sequential).unwrap().png;
            let backwards =
                |count: usize, draw: &(dyn Fn(usize) + Sync)| (0..count).rev().for_each(draw);
            assert!(heatmap(&picture, &panels, &options, backwards).unwrap().png == file);
        }
    }
}

#[test]
fn cells_are_matshow() {
    let heat = map("heat/cells.npy");
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let options = HeatmapOptions::of(View::Cells);
    let found = heatmap(&RgbImage::new(9, 9), &[panel], &options, sequential).unwrap();
    assert_eq!(color_type(&found), 3);
    let found = pixels(&found);
    let expected = image::open(reference("heat/cells.png")).unwrap().into_rgb8();
    // 7 × 5 values; 57 is the whole number that brings 7 nearest to 400.
    assert_eq!(found.dimensions(), (7 * 57, 5 * 57));
    for (x, y, pixel) in found.enumerate_pixels() {
        assert_eq!(pixel, expected.get_pixel(x / 57, y / 57), "at {x}, {y}");
    }
}

#[test]
fn cells_of_an_empty_map_are_the_first_colour() {
    let heat = Array2::zeros((4, 4));
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let options = HeatmapOptions::of(View::Cells);
    let found = pixels(&heatmap(&RgbImage::new(9, 9), &[panel], &options, sequential).unwrap());
    assert!(found.pixels().all(|pixel| pixel.0 == Colormap::Viridis.rows()[0]));
}

#[test]
fn cells_have_captions_and_axes() {
    let heat = map("heat/cells.npy");
    let panel = |caption: &str| Panel {
        heat: heat.view(),
        caption: Some(caption.to_owned()),
        colorbar: None,
    };
    let bare = HeatmapOptions::of(View::Cells);
    let options = HeatmapOptions { axes: true, ..bare.clone() };
    let draw = |panels: &[Panel<'_>], options| {
        pixels(&heatmap(&RgbImage::new(9, 9), panels, options, sequential).unwrap())
    };
    let (one, two) =
        (draw(&[panel("cat")], &options), draw(&[panel("cat"), panel("dog")], &options));
    assert!(two.width() > 2 * 399 && two.height() == one.height());
    let (with, without) = (draw(&[panel("cat")], &options), draw(&[panel("cat")], &bare));
    assert!(with.width() > without.width() && with.height() > without.height());
}

#[test]
fn a_title_stands_above_the_panels() {
    let heat = map("heat/cells.npy");
    let panel = |caption: &str| Panel {
        heat: heat.view(),
        caption: Some(caption.to_owned()),
        colorbar: None,
    };
    let picture = picture("cat.png").pixels;
    for view in [View::Overlay, View::Heatmap, View::Mask] {
        let bare = HeatmapOptions { columns: 1, ..HeatmapOptions::of(view) };
        let titled = HeatmapOptions { title: Some("Both".to_owned()), ..bare.clone() };
        let draw = |options: &HeatmapOptions| {
            let panels = [panel("cat"), panel("dog")];
            pixels(&heatmap(&picture, &panels, options, sequential).unwrap())
        };
        let (with, without) = (draw(&titled), draw(&bare));
        assert_eq!(with.width(), without.width());
        let above = with.height() - without.height();
        assert!((20..60).contains(&above), "{view:?}: {above} rows");
        // Below the title the picture is the same.
        let below = image::imageops::crop_imm(&with, 0, above, with.width(), without.height());
        assert!(
            below.to_image().as_raw()[12 * 3 * with.width() as usize..]
                == without.as_raw()[12 * 3 * with.width() as usize..],
            "{view:?}"
        );
        let background = with.get_pixel(0, 0);
        let title = with.enumerate_pixels().filter(|(_, y, _)| *y < above);
        assert!(title.filter(|(_, _, pixel)| *pixel != background).count() > 50, "{view:?}");
    }
}

const DIVERGING: [Colormap; 3] = [Colormap::Rdbu, Colormap::Coolwarm, Colormap::Seismic];

fn drawn_signed(view: View, colormap: Colormap) -> RgbImage {
    let heat = map("heat/signed.npy");
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let options = HeatmapOptions { colormap, ..HeatmapOptions::of_signed(view) };
    pixels(&heatmap(&picture("cat.png").pixels, &[panel], &options, sequential).unwrap())
}

#[test]
fn a_signed_map_alone_is_matplotlibs_diverging_colours() {
    for map in DIVERGING {
        assert_nearly_equal(&drawn_signed(View::Heatmap, map), &format!("heat/signed_{map}.png"));
    }
}

#[test]
fn a_signed_overlay_is_blended_by_strength() {
    for map in DIVERGING {
        let found = drawn_signed(View::Overlay, map);
        let file = format!("heat/signed_overlay_{map}.png");
        let expected = image::open(reference(&file)).unwrap().into_rgb8();
        let far = |(a, b): &(&u8, &u8)| a.abs_diff(**b) > 1;
        // Rounding decides halves, and the row of the map where the heat is at a border of rows.
        let off = found.iter().zip(expected.iter()).filter(far).count();
        assert!(off * 1000 <= found.len(), "{file}: {off} values differ");
    }
}

#[test]
fn zero_heat_of_a_signed_map_leaves_the_picture() {
    let cat = picture("cat.png").pixels;
    let heat = Array2::zeros((3, 4));
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let draw = |view| {
        let options = HeatmapOptions::of_signed(view);
        pixels(&heatmap(&cat, std::slice::from_ref(&panel), &options, sequential).unwrap())
    };
    assert_eq!(draw(View::Overlay), cat);
    let middle = Colormap::Rdbu.rows()[128];
    assert!(draw(View::Heatmap).pixels().all(|pixel| pixel.0 == middle));
    assert!(draw(View::Cells).pixels().all(|pixel| pixel.0 == middle));
}

#[test]
fn a_mask_of_a_signed_map_uses_the_magnitude() {
    let cat = picture("cat.png").pixels;
    let heat = Array2::from_elem((3, 4), -1.0);
    let panel = Panel { heat: heat.view(), caption: None, colorbar: None };
    let options = HeatmapOptions::of_signed(View::Mask);
    let found = heatmap(&cat, &[panel], &options, sequential).unwrap();
    assert_eq!(pixels(&found), cat);
}
