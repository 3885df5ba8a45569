//! One layer of a grid: a tile for each channel, or a picture.

use image::RgbImage;
use ndarray::{ArrayView2, ArrayView3, Axis};

use super::grid_options::GridOptions;
use super::stretch::LevelRange;

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

    pub(super) fn has_dead(&self) -> bool {
        matches!(&self.content, Content::Channels { dead, .. } if dead.contains(&true))
    }

    /// The levels of the channels that are not dead.
    pub(super) fn live_tiles(&self) -> impl Iterator<Item = ArrayView2<'_, u8>> {
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
