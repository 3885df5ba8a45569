//! Grids and channel views.

use convscope::explain::{Normalize, channel_statistics, levels};
use convscope::render::{
    ChannelTile, Colormap, GridOptions, MatshowOptions, RenderError, Tiles, grid, matshow,
};
use ndarray::{Array2, Array3, Axis};

use super::{color_type, in_turn, pixels};
use crate::explain::cube;
use crate::preprocess::reference;

const BARE: GridOptions = GridOptions {
    columns: 16,
    colormap: Colormap::Viridis,
    zoom: None,
    titles: false,
    max_pixels: 10_000_000,
};

fn tiles(levels: &Array3<u8>) -> Tiles<'_> {
    Tiles { title: "conv2d_1  12 × 17 × 20".to_owned(), levels: levels.view(), dead: Vec::new() }
}

#[test]
fn the_books_grid_pixel_by_pixel() {
    let layer = cube("layers/activations.npy");
    let statistics = channel_statistics(layer.view());
    let all: Vec<usize> = (0..20).collect();
    let levels = levels(layer.view(), &statistics, &all, Normalize::Standard);
    let dead: Vec<bool> = statistics.iter().map(|channel| channel.dead).collect();
    let found = grid(&[Tiles { dead, ..tiles(&levels) }], &BARE, in_turn).unwrap();
    let found = pixels(&found);
    let expected = image::open(reference("layers/grid_standard.png")).unwrap().into_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    let (mut off, mut hatched) = (0, 0);
    for (x, y, pixel) in found.enumerate_pixels() {
        // Channel 5 is dead: numpy draws it level 0, here it is grey.
        if y < 12 && x / 17 == 5 {
            assert!(pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
            hatched += 1;
        } else if pixel != expected.get_pixel(x, y) {
            off += 1;
        }
    }
    assert_eq!(hatched, 12 * 17);
    assert!(off * 1000 <= 272 * 24, "{off} pixels differ");
}

#[test]
fn zoom_repeats_every_value() {
    let levels = Array3::from_shape_fn((3, 2, 4), |(k, y, x)| (k * 80 + y * 20 + x) as u8);
    let once =
        pixels(&grid(&[tiles(&levels)], &GridOptions { columns: 2, ..BARE }, in_turn).unwrap());
    assert_eq!(once.dimensions(), (8, 4));
    let zoomed = GridOptions { columns: 2, zoom: Some(3), ..BARE };
    let zoomed = pixels(&grid(&[tiles(&levels)], &zoomed, in_turn).unwrap());
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
    let titled = GridOptions { titles: true, zoom: Some(2), ..BARE };
    let figure = GridOptions { titles: true, ..BARE };
    for (levels, dead, options, expected) in [
        (&all, vec![], BARE, 3),
        (&few, dead.clone(), BARE, 3),
        (&all, dead.clone(), BARE, 2),
        (&few, vec![], titled, 3),
        (&all, vec![], titled, 2),
        (&all, dead, figure, 3),
    ] {
        let drawing = grid(&[Tiles { dead, ..tiles(levels) }], &options, in_turn).unwrap();
        assert_eq!(color_type(&drawing), expected, "{options:?}");
    }
    // Palette or not, values drawn 1:1 have their level's exact colour.
    for (levels, dead) in [(&few, 1), (&all, 1), (&all, 0)] {
        let dead = (0..8).map(|k| k < dead).collect();
        let found = pixels(&grid(&[Tiles { dead, ..tiles(levels) }], &BARE, in_turn).unwrap());
        let expected = Colormap::Viridis.rows()[usize::from(levels[(3, 4, 5)])];
        assert_eq!(found.get_pixel(3 * 30 + 5, 4).0, expected);
    }
}

#[test]
fn a_figure_gives_every_layer_one_width_and_shows_its_dead() {
    let layers = [ramp(32, 148, 148), ramp(64, 15, 15), ramp(20, 7, 7)];
    let dead: Vec<bool> = (0..64).map(|k| k % 5 == 0).collect();
    let drawn: Vec<Tiles<'_>> =
        layers.iter().map(|levels| Tiles { dead: dead.clone(), ..tiles(levels) }).collect();
    let figure = pixels(&grid(&drawn, &GridOptions { titles: true, ..BARE }, in_turn).unwrap());
    assert!(figure.width() > 1000 && figure.width() < 2400, "{}", figure.width());
    let white = figure.pixels().filter(|pixel| pixel.0 == [255; 3]).count();
    assert!(white * 2 < figure.pixels().len(), "mostly background");
    let grey = figure.pixels().filter(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]).count() - white;
    assert!(grey * 20 > figure.pixels().len(), "dead tiles are grey");
}

#[test]
fn one_channel_without_a_caption_is_the_array() {
    let levels = Array2::from_shape_fn((3, 5), |(y, x)| (y * 50 + x * 10) as u8);
    let tile = ChannelTile { levels: levels.view(), dead: false, caption: None };
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
fn too_large_is_refused_before_it_is_drawn() {
    let levels = Array3::zeros((16, 100, 100));
    let limits = GridOptions { max_pixels: 159_999, ..BARE };
    let error = grid(&[tiles(&levels)], &limits, in_turn).unwrap_err();
    assert!(matches!(error, RenderError::TooLarge { width: 1600, height: 100, .. }), "{error}");
    assert!(error.to_string().contains("smaller zoom"), "{error}");
    let huge = GridOptions { zoom: Some(u32::MAX), titles: true, ..BARE };
    assert!(matches!(grid(&[tiles(&levels)], &huge, in_turn), Err(RenderError::TooLarge { .. })));
    let tile = ChannelTile { levels: levels.index_axis(Axis(0), 0), dead: false, caption: None };
    let huge = MatshowOptions { zoom: Some(u32::MAX), ..MatshowOptions::default() };
    assert!(matches!(matshow(&[tile], &huge), Err(RenderError::TooLarge { .. })));
    assert!(matches!(grid(&[], &BARE, in_turn), Err(RenderError::Nothing)));
    let none = Array3::zeros((0, 3, 3));
    assert!(matches!(grid(&[tiles(&none)], &BARE, in_turn), Err(RenderError::Nothing)));
}

#[test]
fn layers_of_any_shape_are_drawn() {
    for (channels, height, width) in [(1, 1, 1), (3, 1, 400), (17, 400, 1), (1000, 1, 1), (2, 3, 2)]
    {
        let levels = ramp(channels, height, width);
        for columns in [0, 1, 16, 5000] {
            let options = GridOptions { columns, ..GridOptions::default() };
            let drawing = grid(&[tiles(&levels), tiles(&levels)], &options, in_turn).unwrap();
            assert!(pixels(&drawing).width() > 0);
        }
    }
}

#[test]
fn whoever_draws_what_and_when_the_file_is_the_same() {
    let levels = Array3::from_shape_fn((37, 9, 11), |(k, y, x)| (k * 40 + y * 7 + x * 3) as u8);
    let layers = [tiles(&levels), tiles(&levels)];
    let options = GridOptions { titles: true, ..GridOptions::default() };
    let file = grid(&layers, &options, in_turn).unwrap().png;
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
