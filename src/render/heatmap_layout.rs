//! Where the parts of a heat map are, in pixels, and how its rows are drawn.

use std::ops::Range;

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::band_encoder::{ParallelFor, encode_bands};
use super::canvas::{Canvas, Pixel};
use super::colorbar::Colorbar;
use super::heatmap_options::HeatmapOptions;
use super::palette::{FixedColor, Palette, PixelColors};
use super::panel::{Panel, Window};
use super::resize::rows_linear;
use super::text::{Label, line_height};
use super::{Drawing, RenderError};

/// The smallest and the largest longer side of the picture in a figure.
const FIGURE_SIDE: (u32, u32) = (256, 512);

/// The font size of captions, in pixels.
const FONT_SIZE: usize = 16;

/// The font size of the title, in pixels.
const TITLE_FONT_SIZE: usize = 20;

/// How many rows of pixels a band has.
const BAND_ROWS: usize = 32;

/// Width and height of the picture in a figure.
pub(super) fn figure_size(picture: &RgbImage) -> (u32, u32) {
    let (width, height) = picture.dimensions();
    let longest = width.max(height).max(1);
    let side = longest.clamp(FIGURE_SIDE.0, FIGURE_SIDE.1);
    let scaled = |length: u32| {
        ((u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest)) as u32
    };
    (scaled(width).max(1), scaled(height).max(1))
}

/// The picture, resized for a figure.
pub(super) fn scaled(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    match picture.width() {
        same if same == width => picture.clone(),
        larger if larger > width => imageops::thumbnail(picture, width, height),
        _ => imageops::resize(picture, width, height, FilterType::CatmullRom),
    }
}

impl Window {
    /// Columns and rows of a picture of this size; at least one of each.
    fn pixels(self, width: usize, height: usize) -> (Range<usize>, Range<usize>) {
        let range = |from: f64, extent: f64, length: usize| {
            let position = |fraction: f64| (fraction * length as f64).round() as usize;
            let start = position(from).min(length.saturating_sub(1));
            start..position(from + extent).clamp(start + 1, length.max(start + 1))
        };
        (range(self.left, self.width, width), range(self.top, self.height, height))
    }
}

/// A title, and below it rows of panels of one size, each panel below a line of text.
pub(super) struct HeatmapLayout<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Panels in a row.
    columns: usize,
    /// Width and height of a panel.
    panel: (usize, usize),
    /// Columns and rows of a panel where the map lies.
    window: (Range<usize>, Range<usize>),
    margin: usize,
    /// The colour bar of each panel, where it has one.
    colorbars: Vec<Option<Colorbar>>,
    /// Pixels to the right of a panel for its colour bar.
    colorbar: usize,
    /// Height of a caption's line; 0 without captions.
    caption: usize,
    title: Option<&'a str>,
    /// The top of the first row of panels; 0 without a title.
    top: usize,
}

impl<'a> HeatmapLayout<'a> {
    /// Panels of `width` × `height` pixels. One panel without a caption, a colour bar and a title
    /// has no margin.
    pub(super) fn new(
        (width, height): (usize, usize),
        panels: &[Panel<'_>],
        options: &'a HeatmapOptions,
    ) -> Self {
        let has_caption = panels.iter().any(|panel| panel.caption.is_some());
        let title = options.title.as_deref();
        let bar = |panel: &Panel<'_>| panel.colorbar.as_ref().map(Colorbar::new);
        let colorbars: Vec<Option<Colorbar>> = panels.iter().map(bar).collect();
        let colorbar = colorbars.iter().flatten().map(Colorbar::width).max().unwrap_or(0);
        let has_margin = panels.len() > 1 || has_caption || colorbar > 0 || title.is_some();
        let margin = if has_margin { 12 } else { 0 };
        let top = title.map_or(0, |_| margin + line_height(TITLE_FONT_SIZE));
        let caption = if has_caption { line_height(FONT_SIZE) + FONT_SIZE / 4 } else { 0 };
        let columns = options.columns.clamp(1, panels.len().max(1));
        let rows = panels.len().div_ceil(columns);
        Self {
            width: columns * (width + colorbar + margin) + margin,
            height: top + rows * (margin + caption + height) + margin,
            columns,
            panel: (width, height),
            window: options.window.pixels(width, height),
            margin,
            colorbars,
            colorbar,
            caption,
            title,
            top,
        }
    }

    /// Height of the margin and the caption above a panel.
    fn head(&self) -> usize {
        self.margin + self.caption
    }

    /// The bands from the top down.
    fn bands(&self, panels: usize) -> Vec<PanelBand> {
        let (head, height) = (self.head(), self.panel.1);
        let mut bands = Vec::new();
        for row in 0..panels.div_ceil(self.columns) {
            let top = self.top + row * (head + height);
            for start in (0..height).step_by(BAND_ROWS) {
                let is_last = start + BAND_ROWS >= height;
                let begin = match start {
                    0 if row == 0 => 0,
                    0 => top,
                    start => top + head + start,
                };
                let end =
                    if is_last { top + head + height } else { top + head + start + BAND_ROWS };
                bands.push(PanelBand { row, top, rows: begin..end });
            }
        }
        if let Some(last) = bands.last_mut() {
            last.rows.end = self.height;
        }
        bands
    }

    /// Draws every panel and encodes the file. `draw` turns row y of the heat, at the panel's
    /// width, into pixels.
    pub(super) fn draw<P: Pixel>(
        &self,
        panels: &[Panel<'_>],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
        parallel_for: impl ParallelFor,
        draw: impl Fn(usize, &[f32], &mut [P]) + Sync,
    ) -> Result<Drawing, RenderError> {
        let bands = self.bands(panels.len());
        encode_bands((self.width, self.height), palette, bands.len(), parallel_for, |index| {
            let PanelBand { row, top, rows } = bands[index].clone();
            let background = colors.fixed(FixedColor::Background);
            let mut canvas = Canvas::new(self.width, rows.len(), background);
            let mut view = canvas.view_mut();
            if let Some(title) = self.title.filter(|_| rows.start == 0) {
                let (at, width) = ((self.margin, self.margin), self.width - 2 * self.margin);
                Label::plain(title).draw(&mut view, at, width, TITLE_FONT_SIZE, colors);
            }
            let own = panels.iter().zip(&self.colorbars);
            let own = own.skip(row * self.columns).take(self.columns);
            for (column, (panel, colorbar)) in own.enumerate() {
                let x = self.margin + column * (self.panel.0 + self.colorbar + self.margin);
                if let Some(caption) = panel.caption.as_ref().filter(|_| rows.start <= top) {
                    let label = Label::new(caption);
                    let size = label.fitting_size(self.panel.0, FONT_SIZE);
                    let lower = (line_height(FONT_SIZE) - line_height(size)) / 2;
                    let at = (x, top - rows.start + self.margin + lower);
                    label.draw(&mut view, at, self.panel.0, size, colors);
                }
                self.heat_rows(panel, rows.start.saturating_sub(top)..rows.end - top, |y, heat| {
                    let out = view.row(x, top + self.head() + y - rows.start, self.panel.0);
                    draw(y, heat, out);
                });
                if let Some(colorbar) = colorbar {
                    let at = (x + self.panel.0, (top + self.head()) as isize - rows.start as isize);
                    colorbar.draw(&mut view, at, self.panel.1, colors);
                }
            }
            canvas
        })
    }

    /// Calls `each` with the rows of a panel's heat that lie on `rows`, counted from the top of the
    /// panel's row, at the panel's width.
    fn heat_rows(
        &self,
        panel: &Panel<'_>,
        rows: Range<usize>,
        mut each: impl FnMut(usize, &[f32]),
    ) {
        let ((width, height), head) = (self.panel, self.head());
        let within = |row: usize| row.saturating_sub(head).min(height);
        let (columns, window) = &self.window;
        let own = within(rows.start)..within(rows.end);
        let mut row = vec![0.0; width];
        own.clone().filter(|y| !window.contains(y)).for_each(|y| each(y, &row));
        let of_map = |y: usize| y.clamp(window.start, window.end) - window.start;
        let of_map = of_map(own.start)..of_map(own.end);
        rows_linear(panel.heat, (columns.len(), window.len()), of_map, |y, heat| {
            row[columns.clone()].copy_from_slice(heat);
            each(window.start + y, &row);
        });
    }
}

/// A part of one row of panels that is drawn on a canvas of its own. The first of a row has the
/// captions, the first of all the title.
#[derive(Debug, Clone)]
struct PanelBand {
    row: usize,
    /// Where the row of panels begins.
    top: usize,
    /// Rows of the picture.
    rows: Range<usize>,
}
