//! The output of every channel of one or several layers, in one picture.

use ndarray::ArrayView3;

use super::{Colormap, RenderError};

/// One layer to draw.
#[derive(Debug, Clone)]
pub struct Tiles<'a> {
    /// Written above the layer: `conv2d_1  148 × 148 × 32`.
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
    /// Side of one value in pixels. `None`: 1 for a single layer without titles (the array itself); else chosen so that
    /// the tiles of every layer can be seen, with a small gap between them.
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
            max_pixels: 64_000_000,
        }
    }
}

/// Draws layers as a PNG file, one below the other, as in Chollet's book: tile next to tile, `columns` a row.
///
/// A single layer without titles and with zoom 1 is pixel for pixel the array of the book's `display_grid`; cells of a
/// ragged last row are level 0, as there.
///
/// # Errors
///
/// [`RenderError::TooLarge`] before anything is drawn, [`RenderError::Nothing`].
pub fn grid(_layers: &[Tiles<'_>], _options: &GridOptions) -> Result<Vec<u8>, RenderError> {
    Err(RenderError::Nothing)
}
