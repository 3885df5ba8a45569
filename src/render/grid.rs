//! The output of every channel of one or several layers, in one picture.

use ndarray::{ArrayView3, Axis};

use super::area_resize::AreaResize;
use super::band_encoder::{ParallelFor, encode_bands};
use super::canvas::{Canvas, CanvasViewMut, Pixel, check_size};
use super::label::{Label, line_height};
use super::palette::{FixedColor, Palette, PixelColors, UsedFixedColors};
use super::{Colormap, Drawing, MAX_PIXELS, RenderError};

/// One layer to draw.
#[derive(Debug, Clone)]
pub struct Tiles<'a> {
    /// Written above the layer: `conv2d_1  148 × 148 × 32`. What follows two spaces is a note:
    /// drawn lighter, never cut.
    pub title: String,
    /// Channels × height × width; one tile a channel.
    pub levels: ArrayView3<'a, u8>,
    /// Which channels are dead; as long as there are channels, or empty for none. Drawn as hatched
    /// grey tiles.
    pub dead: Vec<bool>,
}

/// How layers are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridOptions {
    /// Tiles a row.
    pub columns: usize,
    /// Colours of the levels.
    pub colormap: Colormap,
    /// Side of one value in pixels. `None`: a single layer without titles is drawn 1:1; anything
    /// else is a figure, in which the tiles of all layers have one size and a small gap between
    /// them.
    pub zoom: Option<u32>,
    /// Write each layer's title above it.
    pub titles: bool,
    /// The most pixels of the whole picture.
    pub max_pixels: u64,
}

impl Default for GridOptions {
    fn default() -> Self {
        Self {
            columns: 16,
            colormap: Colormap::Viridis,
            zoom: None,
            titles: true,
            max_pixels: MAX_PIXELS,
        }
    }
}

/// Draws layers, one below the other, as in Chollet's book: tile next to tile, `columns` a row.
///
/// A single layer without titles, 1:1, is pixel for pixel the book's `display_grid`: cells of a
/// ragged last row are level 0, as there. With `zoom` given every value is exactly zoom × zoom
/// pixels of its level's colour, titles or not.
///
/// The rows of tiles are drawn independently, by whom `parallel_for` says.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn; [`RenderError::Nothing`]; [`RenderError::Encode`].
pub fn grid(
    layers: &[Tiles<'_>],
    options: &GridOptions,
    parallel_for: impl ParallelFor,
) -> Result<Drawing, RenderError> {
    if layers.is_empty() || layers.iter().any(|layer| layer.levels.is_empty()) {
        return Err(RenderError::Nothing);
    }
    let bare = layers.len() == 1 && !options.titles;
    let layout = GridLayout::new(layers, options, bare);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer layers, fewer channels (limit) or a smaller zoom",
    )?;
    if layout.fitted {
        let (colors, palette) = PixelColors::figure(options.colormap);
        return layout.draw(layers, &colors, Some(&palette), parallel_for);
    }
    let needs = match layers.iter().any(|layer| layer.dead.contains(&true)) {
        _ if !bare => UsedFixedColors::All,
        true => UsedFixedColors::Hatching,
        false => UsedFixedColors::None,
    };
    match PixelColors::exact(options.colormap, &used(layers), needs) {
        Some((colors, palette)) => layout.draw(layers, &colors, Some(&palette), parallel_for),
        None => layout.draw(layers, &PixelColors::rgb(options.colormap), None, parallel_for),
    }
}

/// Which levels occur. Level 0 always does: it fills a ragged row.
fn used(layers: &[Tiles<'_>]) -> [bool; 256] {
    let mut used = [false; 256];
    used[0] = true;
    for layer in layers {
        for (k, tile) in layer.levels.axis_iter(Axis(0)).enumerate() {
            if layer.dead.get(k) != Some(&true) {
                tile.iter().for_each(|&level| used[usize::from(level)] = true);
            }
        }
    }
    used
}

/// Pixels that a figure's tiles may take together, and the smallest and largest side of one.
const FIGURE_PIXELS: f64 = 4e6;
const FIGURE_SIDE: (f64, f64) = (40.0, 128.0);

/// Where everything goes, in pixels.
struct GridLayout {
    width: usize,
    height: usize,
    /// Size of the letters; 0 without titles.
    text: usize,
    /// Tiles are resized to fit: a figure. Else every value is zoom × zoom pixels.
    fitted: bool,
    bare: bool,
    blocks: Vec<Block>,
}

/// One layer's tiles.
struct Block {
    x: usize,
    /// Of its title, where there is one.
    title_y: usize,
    y: usize,
    columns: usize,
    /// Height and width of a tile.
    tile: (usize, usize),
    /// How tiles come to that size, where they are resized.
    area: Option<AreaResize>,
    zoom: usize,
    gap: usize,
}

impl GridLayout {
    fn new(layers: &[Tiles<'_>], options: &GridOptions, bare: bool) -> Self {
        let fitted = !bare && options.zoom.is_none();
        let zoom = options.zoom.unwrap_or(1).max(1) as usize;
        let columns = |layer: &Tiles<'_>| layer.levels.dim().0.min(options.columns.max(1));
        let side = figure_side(layers, options);
        let size = |layer: &Tiles<'_>| {
            let (_, height, width) = layer.levels.dim();
            if !fitted {
                return (height.saturating_mul(zoom), width.saturating_mul(zoom));
            }
            let scale = side / height.max(width) as f64;
            let scaled = |length: usize| ((length as f64 * scale).round() as usize).max(1);
            (scaled(height), scaled(width))
        };
        let gap = if fitted { 2 } else { 0 };
        let inner = layers.iter().map(|layer| columns(layer) * (size(layer).1 + gap) - gap);
        let inner = inner.max().unwrap_or(0);
        let margin = if bare { 0 } else { (inner / 50).clamp(12, 48) };
        let text = if options.titles { (inner / 50).clamp(14, 44) } else { 0 };
        let mut y = margin;
        let mut blocks = Vec::with_capacity(layers.len());
        for (i, layer) in layers.iter().enumerate() {
            if i > 0 {
                y += margin;
            }
            let title_y = y;
            y += line_height(text) + text / 3;
            let (columns, tile) = (columns(layer), size(layer));
            let (channels, height, width) = layer.levels.dim();
            let area = fitted.then(|| AreaResize::new((height, width), tile));
            blocks.push(Block { x: margin, title_y, y, columns, tile, area, zoom, gap });
            let rows = channels.div_ceil(columns);
            y = y.saturating_add(rows.saturating_mul(tile.0 + gap)) - gap;
        }
        let (width, height) = (inner + 2 * margin, y.saturating_add(margin));
        Self { width, height, text, fitted, bare, blocks }
    }

    /// The rows of tiles, each on a canvas of its own, and the file made of them.
    fn draw<P: Pixel>(
        &self,
        layers: &[Tiles<'_>],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
        parallel_for: impl ParallelFor,
    ) -> Result<Drawing, RenderError> {
        let paper = if self.bare { colors.levels[0] } else { colors.fixed(FixedColor::Background) };
        let bands = self.bands(layers);
        encode_bands((self.width, self.height), palette, bands.len(), parallel_for, |index| {
            let band = &bands[index];
            let mut canvas = Canvas::new(self.width, band.height, paper);
            self.band(band, layers, colors, &mut canvas.view_mut());
            canvas
        })
    }

    /// The picture from the top down, a band for each row of tiles.
    fn bands(&self, layers: &[Tiles<'_>]) -> Vec<Band> {
        let mut bands = Vec::new();
        for (layer, (tiles, block)) in layers.iter().zip(&self.blocks).enumerate() {
            let rows = tiles.levels.dim().0.div_ceil(block.columns);
            for row in 0..rows {
                let top = if row == 0 { self.top(layer) } else { block.row(row) };
                let below = if row + 1 == rows { self.top(layer + 1) } else { block.row(row + 1) };
                bands.push(Band { layer, row, top, height: below - top });
            }
        }
        bands
    }

    /// Where a layer's first band begins; after the last, where the picture ends.
    fn top(&self, layer: usize) -> usize {
        match self.blocks.get(layer) {
            _ if layer == 0 => 0,
            Some(block) => block.title_y,
            None => self.height,
        }
    }

    fn band<P: Pixel>(
        &self,
        band: &Band,
        layers: &[Tiles<'_>],
        colors: &PixelColors<P>,
        canvas: &mut CanvasViewMut<'_, P>,
    ) {
        let (layer, block) = (&layers[band.layer], &self.blocks[band.layer]);
        if self.text > 0 && band.row == 0 {
            let (at, width) = ((block.x, block.title_y - band.top), self.width - 2 * block.x);
            Label::new(&layer.title).draw(canvas, at, width, self.text, colors);
        }
        let (height, width) = block.tile;
        let y = block.row(band.row) - band.top;
        let tiles = layer.levels.outer_iter().enumerate().skip(band.row * block.columns);
        for (column, (k, tile)) in tiles.take(block.columns).enumerate() {
            let x = block.x + column * (width + block.gap);
            if layer.dead.get(k) == Some(&true) {
                canvas.draw_dead((x, y), (width, height), colors);
            } else if let Some(area) = &block.area {
                area.rows(tile, &colors.levels, |row, pixels| {
                    canvas.row(x, y + row, pixels.len()).copy_from_slice(pixels);
                });
            } else {
                canvas.draw_levels((x, y), tile, block.zoom, &colors.levels);
            }
        }
    }
}

impl Block {
    /// Where a row of tiles begins.
    fn row(&self, row: usize) -> usize {
        self.y + row * (self.tile.0 + self.gap)
    }
}

/// One row of a layer's tiles, below the title if it is the first, and where it lies.
struct Band {
    layer: usize,
    row: usize,
    top: usize,
    height: usize,
}

/// The side of a figure's tiles: as large as keeps the whole figure handy.
fn figure_side(layers: &[Tiles<'_>], options: &GridOptions) -> f64 {
    let columns = options.columns.max(1);
    let cells = |layer: &Tiles<'_>| layer.levels.dim().0.next_multiple_of(columns);
    let cells: usize = layers.iter().map(cells).sum();
    let (least, most) = FIGURE_SIDE;
    (FIGURE_PIXELS / cells as f64).sqrt().floor().clamp(least, most)
}
