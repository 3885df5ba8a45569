//! The output of every channel of one or several layers, in one picture.

use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayView3, Axis};

use super::area::Area;
use super::canvas::{Canvas, Sheet, check_size};
use super::inks::{Inks, Needs, Paint};
use super::label::{Label, line_height};
use super::{Colormap, Drawing, MAX_PIXELS, RenderError};

/// One layer to draw.
#[derive(Debug, Clone)]
pub struct Tiles<'a> {
    /// Written above the layer: `conv2d_1  148 × 148 × 32`. What follows two spaces is a note: drawn lighter, never cut.
    pub title: String,
    /// Channels × height × width; one tile a channel.
    pub levels: ArrayView3<'a, u8>,
    /// Which channels are dead; as long as there are channels, or empty for none. Drawn as hatched grey tiles.
    pub dead: Vec<bool>,
}

/// How layers are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridOptions {
    /// Tiles a row.
    pub columns: usize,
    /// Colours of the levels.
    pub colormap: Colormap,
    /// Side of one value in pixels. `None`: a single layer without titles is drawn 1:1; anything else is a figure, in
    /// which the tiles of all layers have one size and a small gap between them.
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
/// A single layer without titles, 1:1, is pixel for pixel the book's `display_grid`: cells of a ragged last row are
/// level 0, as there. With `zoom` given every value is exactly zoom × zoom pixels of its level's colour, titles or not.
///
/// The layers are drawn independently: `share(count, draw)` is to call `draw` with every index below `count`, in any order
/// and on any threads.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn; [`RenderError::Nothing`].
pub fn grid(
    layers: &[Tiles<'_>],
    options: &GridOptions,
    share: impl Fn(usize, &(dyn Fn(usize) + Sync)),
) -> Result<Drawing, RenderError> {
    if layers.is_empty() || layers.iter().any(|layer| layer.levels.is_empty()) {
        return Err(RenderError::Nothing);
    }
    let bare = layers.len() == 1 && !options.titles;
    let layout = Layout::new(layers, options, bare);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer layers, fewer channels (limit) or a smaller zoom",
    )?;
    if layout.fitted {
        let (inks, palette) = Inks::figure(options.colormap);
        return Ok(layout.draw(layers, &inks, share).indexed(palette));
    }
    let needs = match layers.iter().any(|layer| layer.dead.contains(&true)) {
        _ if !bare => Needs::All,
        true => Needs::Dead,
        false => Needs::None,
    };
    Ok(match Inks::exact(options.colormap, &used(layers), needs) {
        Some((inks, palette)) => layout.draw(layers, &inks, share).indexed(palette),
        None => layout.draw(layers, &Inks::rgb(options.colormap), share).rgb(),
    })
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
struct Layout {
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
    zoom: usize,
    gap: usize,
}

impl Layout {
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
            blocks.push(Block { x: margin, title_y, y, columns, tile, zoom, gap });
            let rows = layer.levels.dim().0.div_ceil(columns);
            y = y.saturating_add(rows.saturating_mul(tile.0 + gap)) - gap;
        }
        let (width, height) = (inner + 2 * margin, y.saturating_add(margin));
        Self { width, height, text, fitted, bare, blocks }
    }

    /// The layers, each on a band of its own from its title to the next layer's.
    fn draw<P: Copy + Send + Sync>(
        &self,
        layers: &[Tiles<'_>],
        inks: &Inks<P>,
        share: impl Fn(usize, &(dyn Fn(usize) + Sync)),
    ) -> Canvas<P> {
        let paper = if self.bare { inks.levels[0] } else { inks.paint(Paint::Background) };
        let mut canvas = Canvas::new(self.width, self.height, paper);
        let heights = (0..layers.len()).map(|index| self.top(index + 1) - self.top(index));
        let bands: Vec<Mutex<Sheet<'_, P>>> = canvas.cut(heights).map(Mutex::new).collect();
        share(layers.len(), &|index| {
            // Each index comes once, so nobody ever waits here.
            let mut band = bands[index].lock().unwrap_or_else(PoisonError::into_inner);
            self.band(index, &layers[index], inks, &mut band);
        });
        drop(bands);
        canvas
    }

    /// Where a layer's band begins; after the last, where the picture ends.
    fn top(&self, index: usize) -> usize {
        match self.blocks.get(index) {
            _ if index == 0 => 0,
            Some(block) => block.title_y,
            None => self.height,
        }
    }

    fn band<P: Copy>(
        &self,
        index: usize,
        layer: &Tiles<'_>,
        inks: &Inks<P>,
        band: &mut Sheet<'_, P>,
    ) {
        let (block, top) = (&self.blocks[index], self.top(index));
        if self.text > 0 {
            let (at, width) = ((block.x, block.title_y - top), self.width - 2 * block.x);
            Label::new(&layer.title).draw(band, at, width, self.text, inks);
        }
        let (height, width) = block.tile;
        let (_, rows, columns) = layer.levels.dim();
        let area = self.fitted.then(|| Area::new((rows, columns), block.tile));
        for (k, tile) in layer.levels.axis_iter(Axis(0)).enumerate() {
            let x = block.x + k % block.columns * (width + block.gap);
            let y = block.y - top + k / block.columns * (height + block.gap);
            if layer.dead.get(k) == Some(&true) {
                band.dead((x, y), (width, height), inks);
            } else if let Some(area) = &area {
                area.rows(tile, &inks.levels, |row, pixels| {
                    band.row(x, y + row, pixels.len()).copy_from_slice(pixels);
                });
            } else {
                band.levels((x, y), tile, block.zoom, inks);
            }
        }
    }
}

/// The side of a figure's tiles: as large as keeps the whole figure handy.
fn figure_side(layers: &[Tiles<'_>], options: &GridOptions) -> f64 {
    let columns = options.columns.max(1);
    let cells = |layer: &Tiles<'_>| layer.levels.dim().0.next_multiple_of(columns);
    let cells: usize = layers.iter().map(cells).sum();
    let (least, most) = FIGURE_SIDE;
    (FIGURE_PIXELS / cells as f64).sqrt().floor().clamp(least, most)
}
