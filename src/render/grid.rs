//! All channels of one or several layers in one picture.

use super::band_encoder::ParallelFor;
use super::canvas::check_size;
use super::grid_layout::GridLayout;
use super::grid_options::GridOptions;
use super::palette::{PixelColors, UsedFixedColors};
use super::stretch::LevelRange;
use super::tiles::Tiles;
use super::{Drawing, RenderError};

/// Draws layers, one below the other, as in Chollet's book: tile next to tile, `columns` in a row.
///
/// With `zoom` every value is exactly zoom × zoom pixels of its level's colour. A single layer
/// without titles, title and axes, with zoom 1 and `stretch`, is pixel for pixel the book's
/// `plt.imshow(display_grid)`. As there, the cells of an incomplete last row have level 0.
///
/// The rows of tiles are drawn independently, by `parallel_for`.
///
/// # Errors
///
/// [`RenderError::TooLarge`], before anything is drawn. [`RenderError::Nothing`].
/// [`RenderError::Encode`].
pub fn grid(
    layers: &[Tiles<'_>],
    options: &GridOptions,
    parallel_for: impl ParallelFor,
) -> Result<Drawing, RenderError> {
    if layers.is_empty() || layers.iter().any(|layer| layer.dim().contains(&0)) {
        return Err(RenderError::Nothing);
    }
    let layout = GridLayout::new(layers, options);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer layers, fewer channels (limit) or a smaller zoom",
    )?;
    let ranges: Vec<LevelRange> = layers.iter().map(|layer| layer.level_range(options)).collect();
    let (map, has_picture) = (options.colormap, layers.iter().any(Tiles::is_picture));
    if has_picture {
        return layout.draw(layers, &ranges, &PixelColors::rgb(map), None, parallel_for);
    }
    if layout.is_figure() {
        let (colors, palette) = PixelColors::figure(map);
        return layout.draw(layers, &ranges, &colors, Some(&palette), parallel_for);
    }
    let fixed = match layers.iter().any(Tiles::has_dead) {
        _ if !layout.is_exact() => UsedFixedColors::All,
        true => UsedFixedColors::Hatching,
        false => UsedFixedColors::None,
    };
    match PixelColors::exact(map, || used_levels(layers, &ranges), fixed) {
        Some((colors, palette)) => {
            layout.draw(layers, &ranges, &colors, Some(&palette), parallel_for)
        }
        None => layout.draw(layers, &ranges, &PixelColors::rgb(map), None, parallel_for),
    }
}

/// Which levels of the colour map occur. Level 0 always does, since it fills an incomplete row.
fn used_levels(layers: &[Tiles<'_>], ranges: &[LevelRange]) -> [bool; 256] {
    let mut used = [false; 256];
    used[0] = true;
    for (layer, range) in layers.iter().zip(ranges) {
        let mut found = [false; 256];
        for tile in layer.live_tiles() {
            tile.iter().for_each(|&level| found[usize::from(level)] = true);
        }
        for level in (0..=255).filter(|&level| found[usize::from(level)]) {
            used[usize::from(range.stretched(level))] = true;
        }
    }
    used
}
