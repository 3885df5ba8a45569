//! One channel or a few, large.

use ndarray::ArrayView2;

use super::band_encoder::encode_bands;
use super::canvas::{Canvas, Pixel, check_size};
use super::label::{Label, line_height};
use super::palette::{FixedColor, Palette, PixelColors, UsedFixedColors};
use super::{Colormap, Drawing, MAX_PIXELS, RenderError};

/// One channel to draw.
#[derive(Debug, Clone)]
pub struct ChannelTile<'a> {
    /// Height × width.
    pub levels: ArrayView2<'a, u8>,
    /// Dead: drawn as a hatched grey tile.
    pub dead: bool,
    /// Written above it: `block1_conv1  channel 4`; none leaves no room for it. What follows two
    /// spaces is a note: drawn lighter, never cut.
    pub caption: Option<String>,
}

/// How channels are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatshowOptions {
    /// Tiles a row, at most.
    pub columns: usize,
    /// Colours of the levels.
    pub colormap: Colormap,
    /// Side of one value in pixels. `None`: as makes a tile about 400 pixels.
    pub zoom: Option<u32>,
    /// The most pixels of the whole picture.
    pub max_pixels: u64,
}

impl Default for MatshowOptions {
    fn default() -> Self {
        Self { columns: 4, colormap: Colormap::Viridis, zoom: None, max_pixels: MAX_PIXELS }
    }
}

/// A tile's side that `zoom: None` comes close to.
const SIDE: usize = 400;

/// Draws channels, side by side, every value zoom × zoom pixels of its level's colour. One channel
/// without a caption is the bare array.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn; [`RenderError::Nothing`]; [`RenderError::Encode`].
pub fn matshow(
    tiles: &[ChannelTile<'_>],
    options: &MatshowOptions,
) -> Result<Drawing, RenderError> {
    if tiles.is_empty() || tiles.iter().any(|tile| tile.levels.is_empty()) {
        return Err(RenderError::Nothing);
    }
    let bare = tiles.len() == 1 && tiles[0].caption.is_none();
    let layout = MatshowLayout::new(tiles, options, bare);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer channels or a smaller zoom",
    )?;
    let mut used = [false; 256];
    for tile in tiles {
        tile.levels.iter().for_each(|&level| used[usize::from(level)] = true);
    }
    let needs = match bare {
        false => UsedFixedColors::All,
        true if tiles[0].dead => UsedFixedColors::Hatching,
        true => UsedFixedColors::None,
    };
    match PixelColors::exact(options.colormap, &used, needs) {
        Some((colors, palette)) => layout.print(tiles, &colors, Some(&palette)),
        None => layout.print(tiles, &PixelColors::rgb(options.colormap), None),
    }
}

/// Cells of one size, each a line of text and a tile below it.
struct MatshowLayout {
    width: usize,
    height: usize,
    columns: usize,
    margin: usize,
    /// Height of the line of text, and size of its letters; 0 without captions.
    line: usize,
    text: usize,
    /// Height and width of a cell.
    cell: (usize, usize),
    zooms: Vec<usize>,
}

impl MatshowLayout {
    fn new(tiles: &[ChannelTile<'_>], options: &MatshowOptions, bare: bool) -> Self {
        let zoom = |tile: &ChannelTile<'_>| match options.zoom {
            Some(zoom) => zoom.max(1) as usize,
            None => {
                let side = tile.levels.nrows().max(tile.levels.ncols());
                ((SIDE + side / 2) / side).max(1)
            }
        };
        let zooms: Vec<usize> = tiles.iter().map(zoom).collect();
        let largest = |length: fn(&ChannelTile<'_>) -> usize| {
            let lengths = tiles.iter().zip(&zooms);
            lengths.map(|(tile, &zoom)| length(tile).saturating_mul(zoom)).max().unwrap_or(0)
        };
        let (rows, width) = (largest(|t| t.levels.nrows()), largest(|t| t.levels.ncols()));
        let text = if tiles.iter().any(|tile| tile.caption.is_some()) { 16 } else { 0 };
        let line = line_height(text) + text / 4;
        let margin = if bare { 0 } else { 12 };
        let columns = tiles.len().min(options.columns.max(1));
        let cell = (rows.saturating_add(line), width);
        let along = |count: usize, length: usize| {
            count.saturating_mul(length.saturating_add(margin)).saturating_add(margin)
        };
        Self {
            width: along(columns, width),
            height: along(tiles.len().div_ceil(columns), cell.0),
            columns,
            margin,
            line,
            text,
            cell,
            zooms,
        }
    }

    /// The whole picture as one band.
    fn print<P: Pixel>(
        &self,
        tiles: &[ChannelTile<'_>],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
    ) -> Result<Drawing, RenderError> {
        let alone = |count: usize, draw: &(dyn Fn(usize) + Sync)| (0..count).for_each(draw);
        encode_bands((self.width, self.height), palette, 1, alone, |_| self.draw(tiles, colors))
    }

    fn draw<P: Pixel>(&self, tiles: &[ChannelTile<'_>], colors: &PixelColors<P>) -> Canvas<P> {
        let mut canvas = Canvas::new(self.width, self.height, colors.fixed(FixedColor::Background));
        let mut view = canvas.view_mut();
        for (k, (tile, &zoom)) in tiles.iter().zip(&self.zooms).enumerate() {
            let x = self.margin + k % self.columns * (self.cell.1 + self.margin);
            let y = self.margin + k / self.columns * (self.cell.0 + self.margin);
            if let Some(caption) = &tile.caption {
                Label::new(caption).draw(&mut view, (x, y), self.cell.1, self.text, colors);
            }
            let at = (x, y + self.line);
            if tile.dead {
                let (height, width) = tile.levels.dim();
                view.draw_dead(at, (width * zoom, height * zoom), colors);
            } else {
                view.draw_levels(at, tile.levels, zoom, &colors.levels);
            }
        }
        canvas
    }
}
