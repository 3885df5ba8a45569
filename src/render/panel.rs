use ndarray::ArrayView2;

use super::ColorRange;

/// One map to draw.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// The heat, height × width, at the layer's resolution: 0..=1, or −1..=1 where
    /// [`HeatmapOptions::signed`](super::HeatmapOptions::signed). Finite.
    pub heat: ArrayView2<'a, f32>,
    /// Written above the map: `tabby  0.83`. Space is reserved only if a panel has a caption. Text
    /// after two spaces is drawn lighter and is never shortened.
    pub caption: Option<String>,
    /// A colour bar with these values is drawn to the right of the map.
    pub colorbar: Option<ColorRange>,
}

/// The part of the picture that the network got, where the maps lie, as fractions of the picture's
/// sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Left side, as a fraction of the width.
    pub left: f64,
    /// Top side, as a fraction of the height.
    pub top: f64,
    /// Width, as a fraction of the picture's width.
    pub width: f64,
    /// Height, as a fraction of the picture's height.
    pub height: f64,
}

impl Window {
    /// The whole picture.
    pub const ALL: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
}
