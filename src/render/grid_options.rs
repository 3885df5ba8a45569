use super::{Colormap, MAX_PIXELS};

/// How layers are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct GridOptions {
    /// Tiles in a row.
    pub columns: usize,
    /// Colours of the levels.
    pub colormap: Colormap,
    /// Stretch the whole grid of each layer from its least to its greatest level over the colour
    /// map, as `plt.imshow` does. The unused cells of an incomplete last row and dead channels
    /// count as level 0. Otherwise level 0 has the first colour and level 255 the last.
    pub stretch: bool,
    /// Side of one value in pixels. `None`: a figure, in which the tiles of all layers have one
    /// size that is convenient to look at and a small gap between them.
    pub zoom: Option<u32>,
    /// Write each layer's title above it.
    pub titles: bool,
    /// Label the sides of each layer with the pixel coordinates of its grid without gaps.
    pub axes: bool,
    /// Written above the whole picture.
    pub title: Option<String>,
    /// The largest number of pixels of the whole picture.
    pub max_pixels: u64,
}

impl Default for GridOptions {
    fn default() -> Self {
        Self {
            columns: 16,
            colormap: Colormap::Viridis,
            stretch: false,
            zoom: None,
            titles: true,
            axes: false,
            title: None,
            max_pixels: MAX_PIXELS,
        }
    }
}
