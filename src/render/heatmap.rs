//! Heat maps, alone or laid over the picture.

use std::borrow::Cow;
use std::ops::Range;

use image::RgbImage;
use image::imageops::{self, FilterType};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::band_encoder::{ParallelFor, encode_bands};
use super::canvas::{Canvas, Pixel, check_size};
use super::label::{Label, line_height};
use super::palette::{FixedColor, Palette, PixelColors, UsedFixedColors};
use super::resize::rows_linear;
use super::{Colormap, Drawing, MAX_PIXELS, RenderError};

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// `alpha · colour + picture`, rounded and saturated.
    #[default]
    Overlay,
    /// The colours alone.
    Heatmap,
    /// The picture, darkened to a quarter where there is no heat: `picture · (0.25 + 0.75 · heat)`.
    Mask,
}

/// One map to draw.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// 0..=1, height × width, at the layer's resolution.
    pub heat: ArrayView2<'a, f32>,
    /// Written above it: `tabby  0.83`; none leaves no room for it. What follows two spaces is a
    /// note: drawn lighter, never cut.
    pub caption: Option<String>,
}

/// The part of the picture that the network got, where the maps lie, in shares of the picture's
/// sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Of the width, from the left.
    pub left: f64,
    /// Of the height, from the top.
    pub top: f64,
    /// Of the width.
    pub width: f64,
    /// Of the height.
    pub height: f64,
}

impl Window {
    /// The whole picture.
    pub const ALL: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };

    /// Columns and rows of a picture of this size; at least one of each.
    fn pixels(self, width: usize, height: usize) -> (Range<usize>, Range<usize>) {
        let range = |from: f64, parallel_for: f64, length: usize| {
            let place = |parallel_for: f64| (parallel_for * length as f64).round() as usize;
            let start = place(from).min(length.saturating_sub(1));
            start..place(from + parallel_for).clamp(start + 1, length.max(start + 1))
        };
        (range(self.left, self.width, width), range(self.top, self.height, height))
    }
}

/// How maps are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatmapOptions {
    /// What is drawn.
    pub view: View,
    /// Colours of the heat.
    pub colormap: Colormap,
    /// Strength of the colours in an overlay.
    pub alpha: f64,
    /// Where in the picture the maps lie; around it there is no heat.
    pub window: Window,
    /// The most pixels of the whole picture.
    pub max_pixels: u64,
}

impl HeatmapOptions {
    /// The defaults of a view: `jet` and 0.4 for overlays, `viridis` for heat maps.
    pub fn of(view: View) -> Self {
        let colormap = if view == View::Heatmap { Colormap::Viridis } else { Colormap::Jet };
        Self { view, colormap, alpha: 0.4, window: Window::ALL, max_pixels: MAX_PIXELS }
    }
}

/// Draws maps.
///
/// One panel without a caption has exactly the picture's size, and as an overlay every pixel is the
/// book's `cv2.imwrite(heatmap * 0.4 + img)`. Otherwise it is a figure: panels side by side,
/// captioned, the picture scaled to a size that is easy to look at. Its rows are drawn by whom
/// `parallel_for` says.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn; [`RenderError::Nothing`]; [`RenderError::Encode`].
pub fn heatmap(
    picture: &RgbImage,
    panels: &[Panel<'_>],
    options: &HeatmapOptions,
    parallel_for: impl ParallelFor,
) -> Result<Drawing, RenderError> {
    if panels.is_empty() || panels.iter().any(|panel| panel.heat.is_empty()) {
        return Err(RenderError::Nothing);
    }
    let bare = panels.len() == 1 && panels[0].caption.is_none();
    let (width, height) = if bare { picture.dimensions() } else { figure_size(picture) };
    let layout = HeatmapLayout::new(width as usize, height as usize, panels, bare, options.window);
    let remedy = if bare { "send a smaller picture" } else { "ask for fewer classes" };
    check_size(layout.width as u64, layout.height as u64, options.max_pixels, remedy)?;
    if options.view == View::Heatmap {
        let exact = if bare {
            PixelColors::exact(options.colormap, &[true; 256], UsedFixedColors::None)
        } else {
            None
        };
        let (colors, palette) = exact.unwrap_or_else(|| PixelColors::figure(options.colormap));
        let draw = |_, heat: &[f32], out: &mut [u8]| {
            out.iter_mut().zip(heat).for_each(|(out, &heat)| *out = colors.levels[level(heat)]);
        };
        return layout.draw(panels, &colors, Some(&palette), parallel_for, draw);
    }
    let picture =
        if bare { Cow::Borrowed(picture) } else { Cow::Owned(scaled(picture, width, height)) };
    let row = |y: usize| &picture.as_chunks::<3>().0[y * width as usize..][..width as usize];
    let colors = PixelColors::rgb(options.colormap);
    if options.view == View::Mask {
        let draw = |y, heat: &[f32], out: &mut [[u8; 3]]| {
            for ((out, &pixel), &heat) in out.iter_mut().zip(row(y)).zip(heat) {
                *out = pixel.map(|value| (f32::from(value) * (0.25 + 0.75 * heat)).round() as u8);
            }
        };
        return layout.draw(panels, &colors, None, parallel_for, draw);
    }
    let blend = Blend::new(options.alpha);
    let draw = |y, heat: &[f32], out: &mut [[u8; 3]]| {
        for ((out, &pixel), &heat) in out.iter_mut().zip(row(y)).zip(heat) {
            let color = colors.levels[level(heat)];
            *out = std::array::from_fn(|c| blend.of(color[c], pixel[c]));
        }
    };
    layout.draw(panels, &colors, None, parallel_for, draw)
}

/// `np.uint8(255 * heat)`.
fn level(heat: f32) -> usize {
    usize::from((255.0 * heat) as u8)
}

/// `alpha · colour + picture` for every pair of values, as `cv2.imwrite` makes 8 bits of a float64:
/// halves to even, then saturated.
struct Blend(Box<[u8; 1 << 16]>);

impl Blend {
    fn new(alpha: f64) -> Self {
        let mut sums = Box::new([0; 1 << 16]);
        for (color, sums) in sums.as_chunks_mut::<256>().0.iter_mut().enumerate() {
            for (pixel, sum) in sums.iter_mut().enumerate() {
                // Among floats of this size neighbours are 1 apart: adding it rounds, and the last
                // bits are the whole number.
                let rounded = alpha * color as f64 + pixel as f64 + 4_503_599_627_370_496.0;
                *sum = (rounded.to_bits() as u32).min(255) as u8;
            }
        }
        Self(sums)
    }

    fn of(&self, color: u8, pixel: u8) -> u8 {
        self.0[usize::from(u16::from_be_bytes([color, pixel]))]
    }
}

/// The sides that a figure's picture is brought between.
const FIGURE_SIDE: (u32, u32) = (256, 512);

/// Width and height of the picture in a figure.
fn figure_size(picture: &RgbImage) -> (u32, u32) {
    let (width, height) = picture.dimensions();
    let longest = width.max(height).max(1);
    let side = longest.clamp(FIGURE_SIDE.0, FIGURE_SIDE.1);
    let scaled = |length: u32| {
        ((u64::from(length) * u64::from(side) + u64::from(longest) / 2) / u64::from(longest)) as u32
    };
    (scaled(width).max(1), scaled(height).max(1))
}

fn scaled(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    match picture.width() {
        same if same == width => picture.clone(),
        larger if larger > width => imageops::thumbnail(picture, width, height),
        _ => imageops::resize(picture, width, height, FilterType::CatmullRom),
    }
}

/// Panels of one size side by side, each below a line of text.
struct HeatmapLayout {
    width: usize,
    height: usize,
    /// Width and height of a panel.
    panel: (usize, usize),
    /// Columns and rows of a panel where the map lies.
    window: (Range<usize>, Range<usize>),
    margin: usize,
    line: usize,
}

/// Size of the letters.
const TEXT: usize = 16;

/// Rows that are drawn together.
const BAND: usize = 32;

impl HeatmapLayout {
    fn new(width: usize, height: usize, panels: &[Panel<'_>], bare: bool, window: Window) -> Self {
        let margin = if bare { 0 } else { 12 };
        let captioned = panels.iter().any(|panel| panel.caption.is_some());
        let line = if captioned { line_height(TEXT) + TEXT / 4 } else { 0 };
        Self {
            width: panels.len() * (width + margin) + margin,
            height: height + line + 2 * margin,
            panel: (width, height),
            window: window.pixels(width, height),
            margin,
            line,
        }
    }

    /// Draws every panel; `draw` turns row y of the heat, at the panel's width, into pixels.
    fn draw<P: Pixel>(
        &self,
        panels: &[Panel<'_>],
        colors: &PixelColors<P>,
        palette: Option<&Palette>,
        parallel_for: impl ParallelFor,
        draw: impl Fn(usize, &[f32], &mut [P]) + Sync,
    ) -> Result<Drawing, RenderError> {
        // The captions are on the first band.
        let head = self.margin + self.line;
        let top = |band: usize| if band == 0 { 0 } else { (head + band * BAND).min(self.height) };
        let bands = (self.height - head).div_ceil(BAND);
        encode_bands((self.width, self.height), palette, bands, parallel_for, |band| {
            let rows = top(band)..top(band + 1);
            let paper = colors.fixed(FixedColor::Background);
            let mut canvas = Canvas::new(self.width, rows.len(), paper);
            let mut view = canvas.view_mut();
            for (i, panel) in panels.iter().enumerate() {
                let x = self.margin + i * (self.panel.0 + self.margin);
                if let Some(caption) = panel.caption.as_ref().filter(|_| band == 0) {
                    let at = (x, self.margin);
                    Label::new(caption).draw(&mut view, at, self.panel.0, TEXT, colors);
                }
                self.panel(panel, rows.clone(), |y, heat| {
                    let out = view.row(x, head + y - rows.start, self.panel.0);
                    draw(y, heat, out);
                });
            }
            canvas
        })
    }

    /// Those rows of a panel's heat that lie on `rows` of the picture, at the panel's width.
    fn panel(&self, panel: &Panel<'_>, rows: Range<usize>, mut each: impl FnMut(usize, &[f32])) {
        let ((width, height), head) = (self.panel, self.margin + self.line);
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
