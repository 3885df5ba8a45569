//! One channel or a few, large.

use ndarray::ArrayView2;

use super::{Colormap, RenderError};

/// One channel to draw.
#[derive(Debug, Clone)]
pub struct ChannelTile<'a> {
    /// Height × width.
    pub levels: ArrayView2<'a, u8>,
    /// Dead: drawn as a hatched grey tile.
    pub dead: bool,
    /// Written above it: `block1_conv1  channel 4`; none leaves no room for it.
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
        Self { columns: 4, colormap: Colormap::Viridis, zoom: None, max_pixels: 64_000_000 }
    }
}

/// Draws channels as a PNG file, side by side. One channel without a caption is the bare array.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn, [`RenderError::Nothing`].
pub fn matshow(
    _tiles: &[ChannelTile<'_>],
    _options: &MatshowOptions,
) -> Result<Vec<u8>, RenderError> {
    Err(RenderError::Nothing)
}
