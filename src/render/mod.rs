//! Arrays → pictures → PNG files.
//!
//! Levels 0..=255 become colours by a [`Colormap`]. Two kinds of picture leave here: *exact* ones,
//! the array itself pixel for pixel, and *figures* for a person's eyes: titled, gapped, scaled. A
//! colour map is a palette, so wherever 256 colours are enough the file is a palette PNG.
//!
//! Knows nothing of networks: levels, labels and plain values in, a [`Drawing`] out, which is a PNG
//! file.

mod area;
mod canvas;
mod colormap;
mod error;
mod grid;
mod heatmap;
mod inks;
mod label;
mod matshow;
mod png;
mod press;
mod resize;

pub use colormap::{Colormap, UnknownColormap};
pub use error::RenderError;
pub use grid::{GridOptions, Tiles, grid};
pub use heatmap::{HeatmapOptions, Panel, View, Window, heatmap};
pub use matshow::{ChannelTile, MatshowOptions, matshow};
pub use png::Drawing;
pub use press::Share;
pub use resize::resize_linear;

/// The most pixels of a picture, where nothing else is said.
const MAX_PIXELS: u64 = 64_000_000;
