//! Grids and channel views.

use convscope::explain::{Normalize, channel_statistics, levels};
use convscope::render::{
    ChannelTile, Colormap, GridOptions, LevelRange, MatshowOptions, RenderError, Tiles, grid,
    matshow,
};
use image::{Rgb, RgbImage};
use ndarray::{Array2, Array3, Axis};

use super::{color_type, pixels, sequential};
use crate::explain::cube;
use crate::preprocess::reference;

/// The array alone, pixel by pixel.
const EXACT: GridOptions = GridOptions {
    columns: 16,
    colormap: Colormap::Viridis,
    stretch: false,
    zoom: Some(1),
    titles: false,
    axes: false,
    title: None,
    max_pixels: 10_000_000,
};

fn tiles(levels: &Array3<u8>) -> Tiles<'_> {
    tiles_with_dead(levels, Vec::new())
}

fn tiles_with_dead(levels: &Array3<u8>, dead: Vec<bool>) -> Tiles<'_> {
    Tiles::channels("conv2d_1  12 × 17 × 20".to_owned(), levels.view(), dead)
}

/// Draws channels of the reference layer and compares them with `plt.imshow` of the book's
/// `display_grid`. Channel 5 is dead: imshow draws it as level 0, here it is grey.
fn assert_is_imshow(channels: &[usize], columns: usize, file: &str) {
    let layer = cube("layers/activations.npy");
    let statistics = channel_statistics(layer.view());
    let levels = levels(layer.view(), &statistics, channels, Normalize::Standard);
    let dead: Vec<bool> = channels.iter().map(|&channel| statistics[channel].dead).collect();
    let options = GridOptions { stretch: true, columns, ..EXACT };
    let found = pixels(&grid(&[tiles_with_dead(&levels, dead)], &options, sequential).unwrap());
    let expected = image::open(reference(file)).unwrap().into_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    let (mut off, mut hatched) = (0, 0);
    for (x, y, pixel) in found.enumerate_pixels() {
        let cell = (y / 12) as usize * columns + (x / 17) as usize;
        if channels.get(cell) == Some(&5) {
            assert!(pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
            hatched += 1;
        } else if pixel != expected.get_pixel(x, y) {
            off += 1;
        }
    }
    assert_eq!(hatched, if channels.contains(&5) { 12 * 17 } else { 0 }, "{file}");
    assert!(off * 1000 <= found.pixels().len(), "{file}: {off} pixels differ");
}

#[test]
fn the_grid_is_plt_imshow_pixel_by_pixel() {
    let all: Vec<usize> = (0..20).collect();
    assert_is_imshow(&all, 16, "layers/grid_standard.png");
    // A full row without a dead channel: the least level is 23.
    assert_is_imshow(&[6, 7, 8, 9, 10], 5, "layers/grid_6_to_10.png");
    // A dead channel counts as level 0.
    assert_is_imshow(&[4, 5, 6, 7, 8], 5, "layers/grid_4_to_8.png");
}

/// matplotlib's `Normalize` and `Colormap.__call__` in float64.
fn normalized(level: u8, min: u8, max: u8) -> u8 {
    let (level, min, max) = (f64::from(level), f64::from(min), f64::from(max));
    let row = if min == max { 0.0 } else { (level - min) / (max - min) * 256.0 };
    if row == 256.0 { 255 } else { row as u8 }
}

#[test]
fn the_stretch_is_matplotlibs_for_every_range_and_level() {
    for min in 0..=255 {
        for max in min..=255 {
            let range = LevelRange { min, max };
            for level in min..=max {
                assert_eq!(
                    range.stretched(level),
                    normalized(level, min, max),
                    "{level} {range:?}"
                );
            }
        }
    }
}

#[test]
fn an_incomplete_row_and_a_dead_channel_count_as_level_0() {
    let levels = Array3::from_shape_fn((4, 2, 2), |(k, y, x)| (40 + 20 * k + 2 * y + x) as u8);
    let stretch = GridOptions { stretch: true, ..EXACT };
    let range = |columns, dead| {
        let options = GridOptions { columns, ..stretch.clone() };
        let LevelRange { min, max } = tiles_with_dead(&levels, dead).level_range(&options);
        (min, max)
    };
    assert_eq!(range(4, vec![]), (40, 103));
    assert_eq!(range(16, vec![]), (40, 103), "four tiles are one full row");
    assert_eq!(range(2, vec![]), (40, 103));
    assert_eq!(range(3, vec![]), (0, 103));
    assert_eq!(range(4, vec![false, false, false, true]), (0, 83));
    assert_eq!(tiles(&levels).level_range(&EXACT), LevelRange::FULL);
}

#[test]
fn figures_and_enlarged_grids_are_stretched_too() {
    let levels = Array3::from_shape_fn((2, 1, 1), |(k, _, _)| 100 + 50 * k as u8);
    let rows = Colormap::Viridis.rows();
    for (zoom, titles) in [(None, false), (None, true), (Some(3), true), (Some(3), false)] {
        let options = GridOptions { stretch: true, zoom, titles, ..EXACT };
        let found = pixels(&grid(&[tiles(&levels)], &options, sequential).unwrap());
        let (width, height) = found.dimensions();
        for (x, expected) in [(width / 2 - 2, rows[0]), (width / 2 + 2, rows[255])] {
            let margin = if zoom.is_none() { 20 } else { 12 };
            let y = if titles { height - margin - 1 } else { height / 2 };
            let found = found.get_pixel(x, y).0;
            // The palette of a figure samples the map.
            let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2);
            assert!(near, "{zoom:?}, {titles}: {found:?}, not {expected:?}");
        }
    }
}

#[test]
fn zoom_repeats_every_value() {
    let levels = Array3::from_shape_fn((3, 2, 4), |(k, y, x)| (k * 80 + y * 20 + x) as u8);
    let once =
        pixels(&grid(&[tiles(&levels)], &GridOptions { columns: 2, ..EXACT }, sequential).unwrap());
    assert_eq!(once.dimensions(), (8, 4));
    let zoomed = GridOptions { columns: 2, zoom: Some(3), ..EXACT };
    let zoomed = pixels(&grid(&[tiles(&levels)], &zoomed, sequential).unwrap());
    assert_eq!(zoomed.dimensions(), (24, 12));
    for (x, y, pixel) in zoomed.enumerate_pixels() {
        assert_eq!(pixel, once.get_pixel(x / 3, y / 3));
    }
    // The unused cell of the last row is level 0.
    assert_eq!(once.get_pixel(7, 3).0, Colormap::Viridis.rows()[0]);
}

/// Levels that use the whole colour map.
fn ramp(channels: usize, height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((channels, height, width), |(k, y, x)| (k * 7 + y * 31 + x * 3) as u8)
}

#[test]
fn a_picture_of_few_colours_is_a_palette() {
    let (all, few) = (ramp(8, 9, 30), ramp(8, 9, 30).mapv(|level| level / 2));
    let dead = vec![true, false, false, false, false, false, false, false];
    let titled = GridOptions { titles: true, zoom: Some(2), ..EXACT };
    let figure = GridOptions { titles: true, zoom: None, ..EXACT };
    for (levels, dead, options, expected) in [
        (&all, vec![], EXACT, 3),
        (&few, dead.clone(), EXACT, 3),
        (&all, dead.clone(), EXACT, 2),
        (&few, vec![], titled.clone(), 3),
        (&all, vec![], titled, 2),
        (&all, dead, figure, 3),
    ] {
        let drawing = grid(&[tiles_with_dead(levels, dead)], &options, sequential).unwrap();
        assert_eq!(color_type(&drawing), expected, "{options:?}");
    }
    // With a palette and without, values drawn 1:1 have the exact colour of their level.
    for (levels, dead) in [(&few, 1), (&all, 1), (&all, 0)] {
        let dead = (0..8).map(|k| k < dead).collect();
        let found = grid(&[tiles_with_dead(levels, dead)], &EXACT, sequential).unwrap();
        let found = pixels(&found);
        let expected = Colormap::Viridis.rows()[usize::from(levels[(3, 4, 5)])];
        assert_eq!(found.get_pixel(3 * 30 + 5, 4).0, expected);
    }
}

#[test]
fn a_figure_has_one_width_for_all_layers_and_shows_dead_channels() {
    let layers = [ramp(32, 148, 148), ramp(64, 15, 15), ramp(20, 7, 7)];
    let dead: Vec<bool> = (0..64).map(|k| k % 5 == 0).collect();
    let drawn: Vec<Tiles<'_>> =
        layers.iter().map(|levels| tiles_with_dead(levels, dead.clone())).collect();
    let figure = pixels(&grid(&drawn, &GridOptions::default(), sequential).unwrap());
    assert!(figure.width() > 1000 && figure.width() < 2400, "{}", figure.width());
    let white = figure.pixels().filter(|pixel| pixel.0 == [255; 3]).count();
    assert!(white * 2 < figure.pixels().len(), "mostly background");
    let grey = figure.pixels().filter(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]).count() - white;
    assert!(grey * 20 > figure.pixels().len(), "dead tiles are grey");
}

#[test]
fn one_channel_without_a_caption_is_the_array() {
    let levels = Array2::from_shape_fn((3, 5), |(y, x)| (y * 50 + x * 10) as u8);
    let tile = ChannelTile { levels: levels.view(), dead: false, caption: None, colorbar: None };
    let options = MatshowOptions { zoom: Some(1), ..MatshowOptions::default() };
    let found = pixels(&matshow(std::slice::from_ref(&tile), &options).unwrap());
    for (x, y, pixel) in found.enumerate_pixels() {
        let level = levels[(y as usize, x as usize)];
        assert_eq!(pixel.0, Colormap::Viridis.rows()[usize::from(level)]);
    }
    let large = pixels(&matshow(&[tile], &MatshowOptions::default()).unwrap());
    assert_eq!(large.dimensions(), (400, 240));
}

#[test]
fn a_picture_that_is_too_large_is_refused_before_it_is_drawn() {
    let levels = Array3::zeros((16, 100, 100));
    let limits = GridOptions { max_pixels: 159_999, ..EXACT };
    let error = grid(&[tiles(&levels)], &limits, sequential).unwrap_err();
    assert!(matches!(error, RenderError::TooLarge { width: 1600, height: 100, .. }), "{error}");
    assert!(error.to_string().contains("smaller zoom"), "{error}");
    let huge = GridOptions { zoom: Some(u32::MAX), titles: true, ..EXACT };
    assert!(matches!(
        grid(&[tiles(&levels)], &huge, sequential),
        Err(RenderError::TooLarge { .. })
    ));
    let tile = ChannelTile {
        levels: levels.index_axis(Axis(0), 0),
        dead: false,
        caption: None,
        colorbar: None,
    };
    let huge = MatshowOptions { zoom: Some(u32::MAX), ..MatshowOptions::default() };
    assert!(matches!(matshow(&[tile], &huge), Err(RenderError::TooLarge { .. })));
    assert!(matches!(grid(&[], &EXACT, sequential), Err(RenderError::Nothing)));
    let none = Array3::zeros((0, 3, 3));
    assert!(matches!(grid(&[tiles(&none)], &EXACT, sequential), Err(RenderError::Nothing)));
}

#[test]
fn layers_of_any_shape_are_drawn() {
    for (channels, height, width) in [(1, 1, 1), (3, 1, 400), (17, 400, 1), (1000, 1, 1), (2, 3, 2)]
    {
        let levels = ramp(channels, height, width);
        for columns in [0, 1, 16, 5000] {
            let options = GridOptions { columns, axes: true, ..GridOptions::default() };
            let drawing = grid(&[tiles(&levels), tiles(&levels)], &options, sequential).unwrap();
            assert!(pixels(&drawing).width() > 0);
        }
    }
}

#[test]
fn the_file_does_not_depend_on_threads_and_order() {
    let levels = Array3::from_shape_fn((37, 9, 11), |(k, y, x)| (k * 40 + y * 7 + x * 3) as u8);
    let layers = [tiles(&levels), tiles(&levels)];
    let (stretch, title) = (true, Some("Title".to_owned()));
    let options = GridOptions { stretch, axes: true, title, ..GridOptions::default() };
    let file = grid(&layers, &options, sequential).unwrap().png;
    let backwards = |count: usize, draw: &(dyn Fn(usize) + Sync)| (0..count).rev().for_each(draw);
    assert!(grid(&layers, &options, backwards).unwrap().png == file);
    let at_once = |count: usize, draw: &(dyn Fn(usize) + Sync)| {
        std::thread::scope(|threads| {
            (0..count).for_each(|index| drop(threads.spawn(move || draw(index))));
        });
    };
    for _ in 0..20 {
        assert!(grid(&layers, &options, at_once).unwrap().png == file);
    }
}

/// A picture whose pixels all have different colours.
fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 * 9, y as u8 * 17, (x + y) as u8]))
}

#[test]
fn a_picture_is_drawn_in_its_own_colours() {
    let photo = photo(20, 11);
    let layer = Tiles::picture("input  11 × 20 × 3".to_owned(), &photo);
    let found = pixels(&grid(std::slice::from_ref(&layer), &EXACT, sequential).unwrap());
    assert_eq!(found, photo);
    // In a figure as blocks, at a whole number that makes the longer side about 400 pixels.
    let options = GridOptions { titles: false, ..GridOptions::default() };
    let levels = ramp(8, 9, 30);
    let found = pixels(&grid(&[layer, tiles(&levels)], &options, sequential).unwrap());
    let margin = found.width() / 52;
    for (x, y, pixel) in photo.enumerate_pixels() {
        assert_eq!(found.get_pixel(margin + 20 * x + 10, margin + 20 * y + 10), pixel);
    }
    let colors = Colormap::Viridis.rows();
    let of_map = found.pixels().filter(|pixel| colors.contains(&pixel.0)).count();
    assert!(of_map * 8 > found.pixels().len(), "the channels are drawn beside it");
}

/// The columns, relative to the array's left side, at which a row of the picture has ticks.
fn ticks(row: impl Iterator<Item = Rgb<u8>>, left: u32) -> Vec<i64> {
    let dark = row.enumerate().filter(|(_, pixel)| pixel.0 == [110, 118, 129]);
    dark.map(|(x, _)| x as i64 - i64::from(left)).collect()
}

#[test]
fn axes_have_ticks_at_round_coordinates() {
    // Three tiles of 20 × 20 in a row, and two rows: a grid of 40 × 60 values.
    let levels = ramp(6, 20, 20);
    let options = GridOptions { columns: 3, zoom: Some(8), axes: true, ..EXACT };
    let found = pixels(&grid(&[tiles(&levels)], &options, sequential).unwrap());
    let bare = GridOptions { axes: false, ..options };
    let array = pixels(&grid(&[tiles(&levels)], &bare, sequential).unwrap());
    let margin = 12;
    let left = found.width() - margin - array.width();
    for (x, y, pixel) in array.enumerate_pixels() {
        assert_eq!(found.get_pixel(left + x, margin + y), pixel);
    }
    // The centre of a value is 4 pixels to the right of its left side.
    let below = (0..found.width()).map(|x| *found.get_pixel(x, margin + array.height() + 1));
    assert_eq!(ticks(below, left), [4, 84, 164, 244, 324, 404], "0, 10, … 50");
    let beside = (0..found.height()).map(|y| *found.get_pixel(left - 2, y));
    assert_eq!(ticks(beside, margin), [4, 44, 84, 124, 164, 204, 244, 284], "0, 5, … 35");
}

#[test]
fn ticks_of_a_figure_follow_its_gaps() {
    let levels = ramp(4, 50, 50);
    let options = GridOptions { columns: 2, titles: false, axes: true, ..GridOptions::default() };
    let found = pixels(&grid(&[tiles(&levels)], &options, sequential).unwrap());
    // Two tiles of 512 pixels and a gap of 2.
    let margin = (2 * 512 + 2) / 50;
    let left = found.width() - margin - (2 * 512 + 2);
    let below = (0..found.width()).map(|x| *found.get_pixel(x, margin + 2 * 512 + 2 + 1));
    // 0, 10, … 90: the centre of value v of a tile is at (v + 0.5) · 512 / 50.
    let within = [0.5, 10.5, 20.5, 30.5, 40.5].map(|center| (center * 512.0 / 50.0) as i64);
    let expected = within.iter().copied().chain(within.map(|x| 514 + x));
    assert_eq!(ticks(below, left), expected.collect::<Vec<_>>());
}

#[test]
fn a_title_stands_above_the_picture_and_is_cut_where_room_is_short() {
    let levels = ramp(6, 20, 20);
    let titled = |title: &str| {
        let options = GridOptions { zoom: Some(4), title: Some(title.to_owned()), ..EXACT };
        pixels(&grid(&[tiles(&levels)], &options, sequential).unwrap())
    };
    let (short, long) = (titled("Katze"), titled(&"Katze ".repeat(100)));
    assert_eq!(short.dimensions(), long.dimensions());
    let dark = |picture: &RgbImage| {
        let head = (0..picture.width()).flat_map(|x| (0..30).map(move |y| (x, y)));
        head.filter(|&(x, y)| picture.get_pixel(x, y).0 == [31, 35, 40]).count()
    };
    assert!(dark(&short) > 20 && dark(&long) > 4 * dark(&short));
    let levels = Array2::zeros((3, 5));
    let tile = ChannelTile { levels: levels.view(), dead: false, caption: None, colorbar: None };
    let title = Some("Katze".to_owned());
    let options = MatshowOptions { title, axes: true, ..MatshowOptions::default() };
    let found = pixels(&matshow(&[tile], &options).unwrap());
    assert!(dark(&found) > 20);
    // The horizontal axis of matshow is above the array.
    let (left, top) = (found.width() - 12 - 400, found.height() - 12 - 240);
    let above = (0..found.width()).map(|x| *found.get_pixel(x, top - 2));
    assert_eq!(ticks(above, left), [40, 120, 200, 280, 360]);
}
