//! Heat maps, alone or over the picture.

use std::borrow::Cow;

use image::RgbImage;
use ndarray::{Array2, ArrayView2};

use super::band_encoder::ParallelFor;
use super::blend::{AdditiveBlend, blend_by_opacity, darken, level, signed_level};
use super::canvas::check_size;
use super::heatmap_layout::{HeatmapLayout, figure_size, scaled};
use super::heatmap_options::{HeatmapOptions, View};
use super::matshow::{ChannelTile, MatshowOptions, matshow};
use super::palette::{PixelColors, UsedFixedColors};
use super::panel::Panel;
use super::{Drawing, RenderError};

/// Draws maps.
///
/// One panel without a caption, a colour bar and a title has exactly the picture's size, and every
/// pixel of its overlay is the book's `cv2.imwrite(heatmap * 0.4 + img)`. Otherwise the result is a
/// figure: panels side by side with captions, colour bars and a title, the picture scaled to a
/// convenient size. Its rows are drawn by `parallel_for`.
///
/// Cells do not depend on the picture; a map's blocks are enlarged to about 400 pixels together.
///
/// # Errors
///
/// [`RenderError::TooLarge`], before anything is drawn. [`RenderError::Nothing`].
/// [`RenderError::Encode`].
pub fn heatmap(
    picture: &RgbImage,
    panels: &[Panel<'_>],
    options: &HeatmapOptions,
    parallel_for: impl ParallelFor,
) -> Result<Drawing, RenderError> {
    if panels.is_empty() || panels.iter().any(|panel| panel.heat.is_empty()) {
        return Err(RenderError::Nothing);
    }
    if options.view == View::Cells {
        return cells(panels, options);
    }
    let is_bare = |panel: &Panel<'_>| panel.caption.is_none() && panel.colorbar.is_none();
    let exact = panels.len() == 1 && is_bare(&panels[0]) && options.title.is_none();
    let (width, height) = if exact { picture.dimensions() } else { figure_size(picture) };
    let layout = HeatmapLayout::new((width as usize, height as usize), panels, options);
    let remedy = if exact { "send a smaller picture" } else { "ask for fewer classes" };
    check_size(layout.width as u64, layout.height as u64, options.max_pixels, remedy)?;
    let level = if options.signed { signed_level } else { level };
    if options.view == View::Heatmap {
        let all = || [true; 256];
        let exact = exact.then(|| PixelColors::exact(options.colormap, all, UsedFixedColors::None));
        let (colors, palette) =
            exact.flatten().unwrap_or_else(|| PixelColors::figure(options.colormap));
        let draw = |_, heat: &[f32], out: &mut [u8]| {
            out.iter_mut().zip(heat).for_each(|(out, &heat)| *out = colors.levels[level(heat)]);
        };
        return layout.draw(panels, &colors, Some(&palette), parallel_for, draw);
    }
    let picture =
        if exact { Cow::Borrowed(picture) } else { Cow::Owned(scaled(picture, width, height)) };
    let row = |y: usize| &picture.as_chunks::<3>().0[y * width as usize..][..width as usize];
    let colors = PixelColors::rgb(options.colormap);
    if options.view == View::Mask {
        let draw = |y, heat: &[f32], out: &mut [[u8; 3]]| {
            for ((out, &pixel), &heat) in out.iter_mut().zip(row(y)).zip(heat) {
                *out = darken(pixel, heat.abs());
            }
        };
        return layout.draw(panels, &colors, None, parallel_for, draw);
    }
    if options.signed {
        let alpha = options.alpha as f32;
        let draw = |y, heat: &[f32], out: &mut [[u8; 3]]| {
            for ((out, &pixel), &heat) in out.iter_mut().zip(row(y)).zip(heat) {
                *out =
                    blend_by_opacity(colors.levels[level(heat)], pixel, alpha * heat.abs().sqrt());
            }
        };
        return layout.draw(panels, &colors, None, parallel_for, draw);
    }
    let blend = AdditiveBlend::new(options.alpha);
    let draw = |y, heat: &[f32], out: &mut [[u8; 3]]| {
        for ((out, &pixel), &heat) in out.iter_mut().zip(row(y)).zip(heat) {
            *out = blend.blend(colors.levels[level(heat)], pixel);
        }
    };
    layout.draw(panels, &colors, None, parallel_for, draw)
}

/// The values of every map as blocks.
fn cells(panels: &[Panel<'_>], options: &HeatmapOptions) -> Result<Drawing, RenderError> {
    let signed = options.signed;
    let levels: Vec<Array2<u8>> =
        panels.iter().map(|panel| cell_levels(panel.heat, cell_bounds(panel, signed))).collect();
    let tiles = panels.iter().zip(&levels).map(|(panel, levels)| ChannelTile {
        levels: levels.view(),
        dead: false,
        caption: panel.caption.clone(),
        colorbar: panel.colorbar.map(|range| range.within(cell_bounds(panel, signed))),
    });
    let tiles: Vec<ChannelTile<'_>> = tiles.collect();
    let HeatmapOptions { colormap, columns, axes, max_pixels, .. } = *options;
    let title = options.title.clone();
    let defaults = MatshowOptions::default();
    let columns = if columns == usize::MAX { defaults.columns } else { columns };
    matshow(&tiles, &MatshowOptions { columns, colormap, axes, title, max_pixels, ..defaults })
}

/// The heats of the first and the last colour. As in `plt.matshow`, they are the map's own least
/// and greatest value. None for a signed map, which keeps its zero in the middle.
fn cell_bounds(panel: &Panel<'_>, signed: bool) -> Option<[f32; 2]> {
    let bounds = [f32::INFINITY, f32::NEG_INFINITY];
    let widen = |[min, max]: [f32; 2], &heat: &f32| [heat.min(min), heat.max(max)];
    (!signed).then(|| panel.heat.fold(bounds, widen))
}

fn cell_levels(heat: ArrayView2<'_, f32>, bounds: Option<[f32; 2]>) -> Array2<u8> {
    match bounds {
        None => heat.mapv(|heat| signed_level(heat) as u8),
        Some([min, max]) if min == max => Array2::zeros(heat.dim()),
        // A cast truncates, and saturates the greatest value to 255.
        Some([min, max]) => heat.mapv(|heat| (256.0 * ((heat - min) / (max - min))) as u8),
    }
}
