//! Arrays → pictures → PNG files.
//!
//! A [`Colormap`] turns levels 0..=255 into colours. There are two kinds of picture. An *exact*
//! picture is the array itself, pixel by pixel. A *figure* is made for a person to look at: it has
//! titles, gaps and a convenient size. A colour map fits into a palette, so a picture of at most
//! 256 colours becomes a palette PNG.
//!
//! This module knows nothing of networks. It takes levels, labels and plain values, and gives a
//! [`Drawing`], which is a PNG file.

mod area_resize;
mod axes;
mod band_encoder;
mod blend;
mod canvas;
mod chart;
mod colorbar;
mod colormap;
mod error;
mod grid;
mod grid_layout;
mod grid_options;
mod heatmap;
mod heatmap_layout;
mod heatmap_options;
mod matshow;
mod mosaic;
mod palette;
mod panel;
mod png_file;
mod resize;
mod stretch;
mod text;
mod tiles;
mod zoom;

pub use band_encoder::ParallelFor;
pub use chart::{Chart, Line, charts, charts_svg};
pub use colorbar::ColorRange;
pub use colormap::{Colormap, UnknownColormap};
pub use error::RenderError;
pub use grid::grid;
pub use grid_options::GridOptions;
pub use heatmap::heatmap;
pub use heatmap_options::{HeatmapOptions, View};
pub use matshow::{ChannelTile, MatshowOptions, matshow};
pub use mosaic::{MosaicOptions, mosaic};
pub use panel::{Panel, Window};
pub use png_file::Drawing;
pub use resize::resize_linear;
pub use stretch::LevelRange;
pub use tiles::{Content, Tiles};

/// The default limit on the pixels of a picture.
const MAX_PIXELS: u64 = 64_000_000;
