//! Where the parts of a grid are, in pixels, and how they are drawn.

use super::area_resize::AreaResize;
use super::axes::{Axes, AxisStyle, HorizontalLabels};
use super::band_encoder::{ParallelFor, encode_bands};
use super::canvas::{Canvas, CanvasViewMut, Pixel};
use super::grid_options::GridOptions;
use super::palette::{FixedColor, Palette, PixelColors};
use super::stretch::LevelRange;
use super::text::{Label, line_height};
use super::tiles::{Content, Tiles};
use super::zoom::convenient_zoom;
use super::{Drawing, RenderError};

/// Pixels that a figure's tiles may have together.
const FIGURE_PIXELS: f64 = 4e6;
/// Pixels that a row of tiles may have in a figure, unless that makes tiles too small.
const FIGURE_WIDTH: f64 = 2048.0;
/// The smallest and the largest side of a figure's tiles.
const FIGURE_SIDE: (f64, f64) = (40.0, 512.0);
/// The smallest side of a figure's tiles where `FIGURE_WIDTH` decides.
const MIN_SIDE_BY_WIDTH: f64 = 64.0;
/// The largest ratio of a tile's longer side to its shorter side.
const MAX_ASPECT_RATIO: usize = 16;
/// The same for a vector, as the ratio of a tile's longer side to the vector's height.
const MAX_VECTOR_ASPECT_RATIO: usize = 4;

/// The positions and sizes of everything in a grid.
pub(super) struct GridLayout<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    margin: usize,
    /// The text above everything, and its font size.
    title: Option<(&'a str, usize)>,
    /// The font size of the layers' titles; 0 without titles.
    font_size: usize,
    /// Tiles are resized to a convenient size. Otherwise every value is zoom × zoom pixels.
    figure: bool,
    /// The array alone, without margin, title and axes.
    exact: bool,
    blocks: Vec<Block>,
}

/// One layer's tiles.
struct Block {
    /// The left side of the tiles.
    x: usize,
    /// The top of the title, where there is one.
    title_y: usize,
    /// The top of the tiles.
    y: usize,
    columns: usize,
    rows: usize,
    /// Height and width of a channel.
    values: (usize, usize),
    /// Height and width of a tile.
    tile: (usize, usize),
    /// Resizes tiles to that size in a figure.
    resize: Option<AreaResize>,
    zoom: usize,
    gap: usize,
    axes: Option<Axes>,
}

/// One row of a layer's tiles. The first row has the title too, the last the horizontal axis.
struct TileBand {
    layer: usize,
    row: usize,
    top: usize,
    height: usize,
}

impl<'a> GridLayout<'a> {
    pub(super) fn new(layers: &[Tiles<'_>], options: &'a GridOptions) -> Self {
        let has_frame = options.titles || options.axes || options.title.is_some();
        let figure = options.zoom.is_none();
        let exact = layers.len() == 1 && !figure && !has_frame;
        let columns = most_columns(layers, options);
        let side = figure_side(layers, columns);
        let mut blocks: Vec<Block> =
            layers.iter().map(|layer| Block::new(layer, options, side, columns)).collect();
        let inner = blocks.iter().map(Block::width).max().unwrap_or(0);
        let margin = if exact { 0 } else { (inner / 50).clamp(12, 48) };
        let size = (inner / 50).clamp(14, 44);
        let font_size = if options.titles { size } else { 0 };
        let style = options.axes.then_some(AxisStyle { font_size: (size * 5 / 8).max(11) });
        let gutter = blocks.iter().filter_map(|block| Some(style?.width(block.values_height())));
        let left = margin + gutter.max().unwrap_or(0);
        let title = options.title.as_deref().map(|title| (title, size * 5 / 4));
        let mut y = margin + title.map_or(0, |(_, size)| line_height(size) + margin / 2);
        for (i, block) in blocks.iter_mut().enumerate() {
            if i > 0 {
                y = y.saturating_add(margin);
            }
            block.x = left;
            block.title_y = y;
            block.y = y.saturating_add(line_height(font_size) + font_size / 3);
            block.axes = style.map(|style| block.axes(style));
            y = block.y.saturating_add(block.height());
            y = y.saturating_add(style.map_or(0, AxisStyle::height));
        }
        let (width, height) = (inner.saturating_add(left + margin), y.saturating_add(margin));
        Self { width, height, margin, title, font_size, figure, exact, blocks }
    }

    pub(super) fn is_figure(&self) -> bool {
        self.figure
    }

    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Draws each row of tiles on a canvas of its own and encodes the file. `ranges` has an entry
    /// for each layer.
    pub(super) fn draw<P: Pixel>(
        &self,
        layers: &[Tiles<'_>],
        ranges: &[LevelRange],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
        parallel_for: impl ParallelFor,
    ) -> Result<Drawing, RenderError> {
        let background =
            if self.exact { colors.levels[0] } else { colors.fixed(FixedColor::Background) };
        let tables: Vec<[P; 256]> =
            ranges.iter().map(|range| range.colors(&colors.levels)).collect();
        let bands = self.bands();
        encode_bands((self.width, self.height), palette, bands.len(), parallel_for, |index| {
            let band = &bands[index];
            let mut canvas = Canvas::new(self.width, band.height, background);
            let mut view = canvas.view_mut();
            self.draw_text(band, &layers[band.layer], colors, &mut view);
            self.draw_tiles(band, &layers[band.layer], &tables[band.layer], colors, &mut view);
            canvas
        })
    }

    /// The picture from the top down, one band for each row of tiles.
    fn bands(&self) -> Vec<TileBand> {
        let mut bands = Vec::new();
        for (layer, block) in self.blocks.iter().enumerate() {
            for row in 0..block.rows {
                let is_last = row + 1 == block.rows;
                let top = if row == 0 { self.top(layer) } else { block.row(row) };
                let below = if is_last { self.top(layer + 1) } else { block.row(row + 1) };
                bands.push(TileBand { layer, row, top, height: below - top });
            }
        }
        bands
    }

    /// The top of a layer's first band. After the last layer, the bottom of the picture.
    fn top(&self, layer: usize) -> usize {
        match self.blocks.get(layer) {
            _ if layer == 0 => 0,
            Some(block) => block.title_y,
            None => self.height,
        }
    }

    /// Draws titles and axes.
    fn draw_text<P: Pixel>(
        &self,
        band: &TileBand,
        layer: &Tiles<'_>,
        colors: &PixelColors<P>,
        view: &mut CanvasViewMut<'_, P>,
    ) {
        let block = &self.blocks[band.layer];
        if let Some((title, size)) = self.title.filter(|_| band.top == 0) {
            let width = self.width - self.margin - block.x;
            Label::plain(title).draw(view, (block.x, self.margin), width, size, colors);
        }
        if self.font_size > 0 && band.row == 0 {
            let (at, width) = ((block.x, block.title_y - band.top), self.width - self.margin);
            Label::new(&layer.title).draw(view, at, width - block.x, self.font_size, colors);
        }
        if let Some(axes) = &block.axes {
            let at = (block.x as isize, block.y as isize - band.top as isize);
            let (height, width) = block.tile;
            let center = |coordinate: usize, values: usize, pixels: usize| {
                let (tile, value) = (coordinate / values, coordinate % values);
                tile * (pixels + block.gap) + (2 * value + 1) * pixels / (2 * values)
            };
            let column = |coordinate| center(coordinate, block.values.1, width);
            let row = |coordinate| center(coordinate, block.values.0, height);
            axes.draw(view, at, block.height(), colors, column, row);
        }
    }

    /// Draws one row of tiles. `table` has the colour of each level.
    fn draw_tiles<P: Pixel>(
        &self,
        band: &TileBand,
        layer: &Tiles<'_>,
        table: &[P; 256],
        colors: &PixelColors<P>,
        view: &mut CanvasViewMut<'_, P>,
    ) {
        let block = &self.blocks[band.layer];
        let (height, width) = block.tile;
        let y = block.row(band.row) - band.top;
        let (levels, dead) = match &layer.content {
            Content::Channels { levels, dead } => (levels, dead),
            Content::Picture(picture) => {
                return view.draw_picture((block.x, y), picture, block.zoom);
            }
        };
        let tiles = levels.outer_iter().enumerate().skip(band.row * block.columns);
        for (column, (k, tile)) in tiles.take(block.columns).enumerate() {
            let x = block.x + column * (width + block.gap);
            if dead.get(k) == Some(&true) {
                view.draw_dead((x, y), (width, height), colors);
            } else if let Some(resize) = &block.resize {
                resize.rows(tile, table, |row, pixels| {
                    view.row(x, y + row, pixels.len()).copy_from_slice(pixels);
                });
            } else {
                view.draw_levels((x, y), tile, block.zoom, table);
            }
        }
    }
}

impl Block {
    /// A block at (0, 0) without axes. `side` is the longer side of a figure's tiles; a vector is
    /// as long as `most_columns` of them.
    fn new(layer: &Tiles<'_>, options: &GridOptions, side: f64, most_columns: usize) -> Self {
        let [channels, height, width] = layer.dim();
        let columns = channels.min(options.columns.max(1));
        let (rows, values) = (channels.div_ceil(columns), (height, width));
        let (longest, resized) = (height.max(width), options.zoom.is_none() && !layer.is_picture());
        let zoom = match options.zoom {
            Some(zoom) => zoom.max(1) as usize,
            None => convenient_zoom(longest),
        };
        let is_vector = channels == 1 && height == 1;
        let max_ratio = if is_vector { MAX_VECTOR_ASPECT_RATIO } else { MAX_ASPECT_RATIO };
        let least = (side as usize / max_ratio).max(1);
        let side = if is_vector { side * most_columns as f64 } else { side };
        let scaled = |length: usize| match resized {
            true => ((length as f64 * side / longest as f64).round() as usize).max(least),
            false => length.saturating_mul(zoom),
        };
        let tile = (scaled(height), scaled(width));
        let resize = resized.then(|| AreaResize::new(values, tile));
        let gap = if options.zoom.is_none() { 2 } else { 0 };
        let (x, title_y, y, axes) = (0, 0, 0, None);
        Self { x, title_y, y, columns, rows, values, tile, resize, zoom, gap, axes }
    }

    /// Pixels of a row of tiles.
    fn width(&self) -> usize {
        self.columns.saturating_mul(self.tile.1.saturating_add(self.gap)) - self.gap
    }

    /// Pixels of all rows of tiles.
    fn height(&self) -> usize {
        self.rows.saturating_mul(self.tile.0.saturating_add(self.gap)) - self.gap
    }

    /// Rows of the array of all tiles without gaps.
    fn values_height(&self) -> usize {
        self.rows.saturating_mul(self.values.0)
    }

    fn axes(&self, style: AxisStyle) -> Axes {
        let values = (self.values_height(), self.columns.saturating_mul(self.values.1));
        let pixels = (self.height(), self.width());
        Axes::new(style, HorizontalLabels::Below, values, pixels)
    }

    /// The top of a row of tiles.
    fn row(&self, row: usize) -> usize {
        self.y + row * (self.tile.0 + self.gap)
    }
}

/// The largest number of tiles in a row of any layer.
fn most_columns(layers: &[Tiles<'_>], options: &GridOptions) -> usize {
    let channels = layers.iter().filter(|layer| !layer.is_picture()).map(|layer| layer.dim()[0]);
    channels.map(|channels| channels.min(options.columns)).max().unwrap_or(1).max(1)
}

/// The longer side of a figure's tiles: as large as keeps the whole figure a convenient size.
fn figure_side(layers: &[Tiles<'_>], columns: usize) -> f64 {
    let channels = layers.iter().filter(|layer| !layer.is_picture()).map(|layer| layer.dim()[0]);
    let cells: usize = channels.map(|channels| channels.next_multiple_of(columns)).sum();
    let by_width = (FIGURE_WIDTH / columns as f64).max(MIN_SIDE_BY_WIDTH);
    let by_pixels = (FIGURE_PIXELS / cells.max(1) as f64).sqrt();
    let (least, most) = FIGURE_SIDE;
    by_width.min(by_pixels).floor().clamp(least, most)
}
