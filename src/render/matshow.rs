//! One channel, or a few channels side by side, enlarged.

use ndarray::ArrayView2;

use super::axes::{Axes, AxisStyle, HorizontalLabels};
use super::band_encoder::encode_bands;
use super::canvas::{Canvas, Pixel, check_size};
use super::colorbar::Colorbar;
use super::palette::{FixedColor, Palette, PixelColors, UsedFixedColors};
use super::text::{Label, line_height};
use super::zoom::convenient_zoom;
use super::{ColorRange, Colormap, Drawing, MAX_PIXELS, RenderError};

/// One channel to draw.
#[derive(Debug, Clone)]
pub struct ChannelTile<'a> {
    /// Height × width.
    pub levels: ArrayView2<'a, u8>,
    /// The channel is dead: it is drawn as a hatched grey tile.
    pub dead: bool,
    /// Written above the tile: `block1_conv1  channel 4`. Space is reserved only if a tile has a
    /// caption. Text after two spaces is drawn lighter and is never shortened.
    pub caption: Option<String>,
    /// A colour bar with these values is drawn to the right of the tile.
    pub colorbar: Option<ColorRange>,
}

/// How channels are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct MatshowOptions {
    /// Tiles in a row, at most.
    pub columns: usize,
    /// Colours of the levels.
    pub colormap: Colormap,
    /// Side of one value in pixels. `None`: a whole number that makes a tile about 400 pixels wide.
    pub zoom: Option<u32>,
    /// Label the sides of each tile with its pixel coordinates.
    pub axes: bool,
    /// Written above the whole picture.
    pub title: Option<String>,
    /// The largest number of pixels of the whole picture.
    pub max_pixels: u64,
}

impl Default for MatshowOptions {
    fn default() -> Self {
        Self {
            columns: 4,
            colormap: Colormap::Viridis,
            zoom: None,
            axes: false,
            title: None,
            max_pixels: MAX_PIXELS,
        }
    }
}

/// The font sizes of captions, of the title and of the axes, in pixels.
const FONT_SIZE: usize = 16;
const TITLE_FONT_SIZE: usize = 20;
const AXIS_FONT_SIZE: usize = 13;

/// Draws channels side by side. Every value becomes zoom × zoom pixels of its level's colour. One
/// channel without caption, axes, colour bar and title is the array alone.
///
/// # Errors
///
/// [`RenderError::TooLarge`], before anything is drawn. [`RenderError::Nothing`].
/// [`RenderError::Encode`].
pub fn matshow(
    tiles: &[ChannelTile<'_>],
    options: &MatshowOptions,
) -> Result<Drawing, RenderError> {
    if tiles.is_empty() || tiles.iter().any(|tile| tile.levels.is_empty()) {
        return Err(RenderError::Nothing);
    }
    let layout = MatshowLayout::new(tiles, options);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer channels or a smaller zoom",
    )?;
    let used = || {
        let mut used = [tiles.iter().any(|tile| tile.colorbar.is_some()); 256];
        for tile in tiles {
            tile.levels.iter().for_each(|&level| used[usize::from(level)] = true);
        }
        used
    };
    let fixed = match layout.exact {
        false => UsedFixedColors::All,
        true if tiles[0].dead => UsedFixedColors::Hatching,
        true => UsedFixedColors::None,
    };
    match PixelColors::exact(options.colormap, used, fixed) {
        Some((colors, palette)) => layout.encode(tiles, &colors, Some(&palette)),
        None => layout.encode(tiles, &PixelColors::rgb(options.colormap), None),
    }
}

/// Cells of one size. Each has a caption, the labels of its axes, and a tile.
struct MatshowLayout<'a> {
    width: usize,
    height: usize,
    columns: usize,
    margin: usize,
    title: Option<&'a str>,
    /// Top of the first row of cells.
    top: usize,
    axes: Option<AxisStyle>,
    /// The upper left corner of a tile in its cell.
    tile: (usize, usize),
    /// Height and width of a cell.
    cell: (usize, usize),
    zooms: Vec<usize>,
    /// The colour bar of each tile, where it has one.
    colorbars: Vec<Option<Colorbar>>,
    /// Pixels to the right of a tile for its colour bar.
    colorbar: usize,
    /// One array alone, without margins.
    exact: bool,
}

impl<'a> MatshowLayout<'a> {
    fn new(tiles: &[ChannelTile<'_>], options: &'a MatshowOptions) -> Self {
        let zoom = |tile: &ChannelTile<'_>| match options.zoom {
            Some(zoom) => zoom.max(1) as usize,
            None => convenient_zoom(tile.levels.nrows().max(tile.levels.ncols())),
        };
        let zooms: Vec<usize> = tiles.iter().map(zoom).collect();
        let largest = |length: fn(&ChannelTile<'_>) -> usize| {
            let lengths = tiles.iter().zip(&zooms);
            lengths.map(|(tile, &zoom)| length(tile).saturating_mul(zoom)).max().unwrap_or(0)
        };
        let (rows, width) = (largest(|t| t.levels.nrows()), largest(|t| t.levels.ncols()));
        let has_caption = tiles.iter().any(|tile| tile.caption.is_some());
        let title = options.title.as_deref();
        let bar = |tile: &ChannelTile<'_>| tile.colorbar.as_ref().map(Colorbar::new);
        let colorbars: Vec<Option<Colorbar>> = tiles.iter().map(bar).collect();
        let colorbar = colorbars.iter().flatten().map(Colorbar::width).max().unwrap_or(0);
        let is_bare = !has_caption && !options.axes && colorbar == 0 && title.is_none();
        let exact = tiles.len() == 1 && is_bare;
        let caption = if has_caption { line_height(FONT_SIZE) + FONT_SIZE / 4 } else { 0 };
        let axes = options.axes.then_some(AxisStyle { font_size: AXIS_FONT_SIZE });
        let longest = tiles.iter().map(|tile| tile.levels.nrows()).max().unwrap_or(0);
        let left = axes.map_or(0, |style| style.width(longest));
        let tile = (left, caption + axes.map_or(0, AxisStyle::height));
        let margin = if exact { 0 } else { 12 };
        let top = margin + title.map_or(0, |_| line_height(TITLE_FONT_SIZE));
        let columns = tiles.len().min(options.columns.max(1));
        let cell = (rows.saturating_add(tile.1), width.saturating_add(tile.0 + colorbar));
        let along = |count: usize, length: usize| {
            count.saturating_mul(length.saturating_add(margin)).saturating_add(margin)
        };
        let width = along(columns, cell.1);
        let height = along(tiles.len().div_ceil(columns), cell.0).saturating_add(top - margin);
        Self {
            width,
            height,
            columns,
            margin,
            title,
            top,
            axes,
            tile,
            cell,
            zooms,
            colorbars,
            colorbar,
            exact,
        }
    }

    /// The file. The whole picture is one band.
    fn encode<P: Pixel>(
        &self,
        tiles: &[ChannelTile<'_>],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
    ) -> Result<Drawing, RenderError> {
        let sequential = |count: usize, draw: &(dyn Fn(usize) + Sync)| (0..count).for_each(draw);
        let size = (self.width, self.height);
        encode_bands(size, palette, 1, sequential, |_| self.draw(tiles, colors))
    }

    fn draw<P: Pixel>(&self, tiles: &[ChannelTile<'_>], colors: &PixelColors<P>) -> Canvas<P> {
        let background = colors.fixed(FixedColor::Background);
        let mut canvas = Canvas::new(self.width, self.height, background);
        let mut view = canvas.view_mut();
        if let Some(title) = self.title {
            let (left, right) = (self.margin + self.tile.0, self.width - self.margin);
            let at = (left, self.margin);
            Label::plain(title).draw(&mut view, at, right - left, TITLE_FONT_SIZE, colors);
        }
        for (k, (tile, &zoom)) in tiles.iter().zip(&self.zooms).enumerate() {
            let x = self.margin + k % self.columns * (self.cell.1 + self.margin) + self.tile.0;
            let y = self.top + k / self.columns * (self.cell.0 + self.margin);
            if let Some(caption) = &tile.caption {
                let width = self.cell.1 - self.tile.0 - self.colorbar;
                Label::new(caption).draw(&mut view, (x, y), width, FONT_SIZE, colors);
            }
            let y = y + self.tile.1;
            let (rows, columns) = tile.levels.dim();
            let (height, width) = (rows * zoom, columns * zoom);
            if tile.dead {
                view.draw_dead((x, y), (width, height), colors);
            } else {
                view.draw_levels((x, y), tile.levels, zoom, &colors.levels);
            }
            if let Some(colorbar) = &self.colorbars[k] {
                colorbar.draw(&mut view, (x + width, y as isize), height, colors);
            }
            if let Some(style) = self.axes {
                let center = |coordinate: usize| coordinate * zoom + zoom / 2;
                let (labels, at) = (HorizontalLabels::Above, (x as isize, y as isize));
                let axes = Axes::new(style, labels, (rows, columns), (height, width));
                axes.draw(&mut view, at, height, colors, center, center);
            }
        }
        canvas
    }
}
