//! Arrays → PNG files.
//!
//! Levels 0..=255 become colours by a [`Colormap`]; a picture with at most 256 colours is a palette PNG, exact to the
//! level. Knows nothing of networks: levels, titles and plain values in, the bytes of a PNG file out.

mod colormap;
mod error;
mod grid;
mod heatmap;
mod matshow;
mod resize;

pub use colormap::{Colormap, UnknownColormap};
pub use error::RenderError;
pub use grid::{GridOptions, Tiles, grid};
pub use heatmap::{HeatmapOptions, Panel, View, heatmap};
pub use matshow::{ChannelTile, MatshowOptions, matshow};
pub use resize::resize_linear;
