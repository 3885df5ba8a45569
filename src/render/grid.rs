//! All channels of one or several layers in one picture.

use image::RgbImage;
use ndarray::{ArrayView3, Axis};

use super::band_encoder::ParallelFor;
use super::canvas::check_size;
use super::grid_layout::GridLayout;
use super::palette::{PixelColors, UsedFixedColors};
use super::stretch::LevelRange;
use super::{Colormap, Drawing, MAX_PIXELS, RenderError};

/// One layer to draw.
#[derive(Debug, Clone)]
pub struct Tiles<'a> {
    /// Written above the layer: `conv2d_1  148 × 148 × 32`. What follows two spaces is a note. It
    /// is drawn lighter and is never cut.
    pub title: String,
    /// What is drawn.
    pub content: Content<'a>,
}

/// The content of one layer.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// One tile for each channel.
    Channels {
        /// Channels × height × width.
        levels: ArrayView3<'a, u8>,
        /// Which channels are dead: one value for each channel, or empty for none. A dead channel
        /// is a hatched grey tile.
        dead: Vec<bool>,
    },
    /// One picture in its own colours.
    Picture(&'a RgbImage),
}

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

/// Draws layers, one below the other, as in Chollet's book: tile next to tile, `columns` in a row.
///
/// With `zoom` every value is exactly zoom × zoom pixels of its level's colour. A single layer
/// without titles, title and axes, with zoom 1 and `stretch`, is pixel for pixel the book's
/// `plt.imshow(display_grid)`. As there, the cells of an incomplete last row have level 0.
///
/// The rows of tiles are drawn independently, by `parallel_for`.
///
/// # Errors
///
/// [`RenderError::TooLarge`], before anything is drawn. [`RenderError::Nothing`].
/// [`RenderError::Encode`].
pub fn grid(
    layers: &[Tiles<'_>],
    options: &GridOptions,
    parallel_for: impl ParallelFor,
) -> Result<Drawing, RenderError> {
    if layers.is_empty() || layers.iter().any(|layer| layer.dim().contains(&0)) {
        return Err(RenderError::Nothing);
    }
    let layout = GridLayout::new(layers, options);
    check_size(
        layout.width as u64,
        layout.height as u64,
        options.max_pixels,
        "ask for fewer layers, fewer channels (limit) or a smaller zoom",
    )?;
    let ranges: Vec<LevelRange> = layers.iter().map(|layer| layer.level_range(options)).collect();
    let (map, has_picture) = (options.colormap, layers.iter().any(Tiles::is_picture));
    if has_picture {
        return layout.draw(layers, &ranges, &PixelColors::rgb(map), None, parallel_for);
    }
    if layout.is_figure() {
        let (colors, palette) = PixelColors::figure(map);
        return layout.draw(layers, &ranges, &colors, Some(&palette), parallel_for);
    }
    let fixed = match layers.iter().any(Tiles::has_dead) {
        _ if !layout.is_exact() => UsedFixedColors::All,
        true => UsedFixedColors::Hatching,
        false => UsedFixedColors::None,
    };
    match PixelColors::exact(map, || used_levels(layers, &ranges), fixed) {
        Some((colors, palette)) => {
            layout.draw(layers, &ranges, &colors, Some(&palette), parallel_for)
        }
        None => layout.draw(layers, &ranges, &PixelColors::rgb(map), None, parallel_for),
    }
}

/// Which levels of the colour map occur. Level 0 always does, since it fills an incomplete row.
fn used_levels(layers: &[Tiles<'_>], ranges: &[LevelRange]) -> [bool; 256] {
    let mut used = [false; 256];
    used[0] = true;
    for (layer, range) in layers.iter().zip(ranges) {
        let mut found = [false; 256];
        for tile in layer.live_tiles() {
            tile.iter().for_each(|&level| found[usize::from(level)] = true);
        }
        for level in (0..=255).filter(|&level| found[usize::from(level)]) {
            used[usize::from(range.stretched(level))] = true;
        }
    }
    used
}

impl<'a> Tiles<'a> {
    /// A layer's channels: levels of shape channels × height × width, and which channels are dead.
    pub fn channels(title: String, levels: ArrayView3<'a, u8>, dead: Vec<bool>) -> Self {
        Self { title, content: Content::Channels { levels, dead } }
    }

    /// A picture in its own colours.
    pub fn picture(title: String, picture: &'a RgbImage) -> Self {
        Self { title, content: Content::Picture(picture) }
    }

    /// The levels that take the first and the last colour of the map.
    pub fn level_range(&self, options: &GridOptions) -> LevelRange {
        let Content::Channels { levels, .. } = &self.content else { return LevelRange::FULL };
        if !options.stretch {
            return LevelRange::FULL;
        }
        let columns = levels.dim().0.min(options.columns.max(1));
        let has_zero = self.has_dead() || !levels.dim().0.is_multiple_of(columns.max(1));
        LevelRange::of(self.live_tiles(), has_zero)
    }

    /// Number of tiles, and height and width of one.
    pub(super) fn dim(&self) -> [usize; 3] {
        match &self.content {
            Content::Channels { levels, .. } => levels.dim().into(),
            Content::Picture(picture) => [1, picture.height() as usize, picture.width() as usize],
        }
    }

    pub(super) fn is_picture(&self) -> bool {
        matches!(self.content, Content::Picture(_))
    }

    fn has_dead(&self) -> bool {
        matches!(&self.content, Content::Channels { dead, .. } if dead.contains(&true))
    }

    /// The levels of the channels that are not dead.
    fn live_tiles(&self) -> impl Iterator<Item = ndarray::ArrayView2<'_, u8>> {
        let channels = match &self.content {
            Content::Channels { levels, dead } => Some((levels, dead)),
            Content::Picture(_) => None,
        };
        channels.into_iter().flat_map(|(levels, dead)| {
            let tiles = levels.axis_iter(Axis(0)).enumerate();
            tiles.filter(|(k, _)| dead.get(*k) != Some(&true)).map(|(_, tile)| tile)
        })
    }
}
