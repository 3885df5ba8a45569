//! Where the parts of a heat map are, in pixels, and how its rows are drawn.

use std::ops::Range;

use image::RgbImage;
use image::imageops::{self, FilterType};

use super::band_encoder::{ParallelFor, encode_bands};
use super::canvas::{Canvas, Pixel};
use super::heatmap::{Panel, Window};
use super::palette::{FixedColor, Palette, PixelColors};
use super::resize::rows_linear;
use super::text::{Label, line_height};
use super::{Drawing, RenderError};

/// The smallest and the largest longer side of the picture in a figure.
const FIGURE_SIDE: (u32, u32) = (256, 512);

/// Size of a caption's letters.
const LETTERS: usize = 16;

/// Rows of a band.
const BAND: usize = 32;

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

/// Panels of one size side by side, each below a line of text.
pub(super) struct HeatmapLayout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Width and height of a panel.
    panel: (usize, usize),
    /// Columns and rows of a panel where the map lies.
    window: (Range<usize>, Range<usize>),
    margin: usize,
    /// Height of a caption's line; 0 without captions.
    caption: usize,
}

impl HeatmapLayout {
    /// One panel without a caption has no margin.
    pub(super) fn new(
        (width, height): (usize, usize),
        panels: &[Panel<'_>],
        window: Window,
    ) -> Self {
        let has_caption = panels.iter().any(|panel| panel.caption.is_some());
        let margin = if panels.len() == 1 && !has_caption { 0 } else { 12 };
        let caption = if has_caption { line_height(LETTERS) + LETTERS / 4 } else { 0 };
        Self {
            width: panels.len() * (width + margin) + margin,
            height: height + caption + 2 * margin,
            panel: (width, height),
            window: window.pixels(width, height),
            margin,
            caption,
        }
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
        // The captions are in the first band.
        let head = self.margin + self.caption;
        let top = |band: usize| if band == 0 { 0 } else { (head + band * BAND).min(self.height) };
        let bands = (self.height - head).div_ceil(BAND);
        encode_bands((self.width, self.height), palette, bands, parallel_for, |band| {
            let rows = top(band)..top(band + 1);
            let background = colors.fixed(FixedColor::Background);
            let mut canvas = Canvas::new(self.width, rows.len(), background);
            let mut view = canvas.view_mut();
            for (i, panel) in panels.iter().enumerate() {
                let x = self.margin + i * (self.panel.0 + self.margin);
                if let Some(caption) = panel.caption.as_ref().filter(|_| band == 0) {
                    let at = (x, self.margin);
                    Label::new(caption).draw(&mut view, at, self.panel.0, LETTERS, colors);
                }
                self.heat_rows(panel, rows.clone(), |y, heat| {
                    let out = view.row(x, head + y - rows.start, self.panel.0);
                    draw(y, heat, out);
                });
            }
            canvas
        })
    }

    /// Calls `each` with the rows of a panel's heat that lie on `rows` of the picture, at the
    /// panel's width.
    fn heat_rows(
        &self,
        panel: &Panel<'_>,
        rows: Range<usize>,
        mut each: impl FnMut(usize, &[f32]),
    ) {
        let ((width, height), head) = (self.panel, self.margin + self.caption);
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
