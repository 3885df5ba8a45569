use serde::{Deserialize, Serialize};

use super::{Colormap, MAX_PIXELS, Window};

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// The colours over the picture: `alpha · colour + picture`, rounded and saturated. The colours
    /// of a signed map are blended by their strength instead: `a · colour + (1 − a) · picture` with
    /// `a = alpha · √|heat|`, so that the light colour of zero leaves the picture as it is.
    #[default]
    Overlay,
    /// The colours alone, interpolated to the picture's size.
    Heatmap,
    /// The picture, darkened to a quarter where there is no heat: `picture · (0.25 + 0.75 ·
    /// |heat|)`.
    Mask,
    /// The values of the map, one block each: `plt.matshow(heatmap)`.
    Cells,
}

/// How maps are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatmapOptions {
    /// What is drawn.
    pub view: View,
    /// Colours of the heat.
    pub colormap: Colormap,
    /// The heat has a sign: −1 takes the first colour, 0 the middle and 1 the last.
    pub signed: bool,
    /// Strength of the colours in an overlay.
    pub alpha: f64,
    /// Panels in a row, at most.
    pub columns: usize,
    /// Where in the picture the maps lie. Outside there is no heat. Not used by cells.
    pub window: Window,
    /// Label the sides of each map with its pixel coordinates. Cells only.
    pub axes: bool,
    /// Written above the whole picture.
    pub title: Option<String>,
    /// The largest number of pixels of the whole picture.
    pub max_pixels: u64,
}

impl HeatmapOptions {
    /// The defaults of a view for maps without a sign: `jet` and 0.4 over the picture, `viridis`
    /// for the map alone.
    pub fn of(view: View) -> Self {
        let colormap = match view {
            View::Heatmap | View::Cells => Colormap::Viridis,
            View::Overlay | View::Mask => Colormap::Jet,
        };
        Self {
            view,
            colormap,
            signed: false,
            alpha: 0.4,
            columns: usize::MAX,
            window: Window::ALL,
            axes: false,
            title: None,
            max_pixels: MAX_PIXELS,
        }
    }

    /// The defaults of a view for maps with a sign: `rdbu`, and 0.8 over the picture.
    pub fn of_signed(view: View) -> Self {
        Self { colormap: Colormap::Rdbu, signed: true, alpha: 0.8, ..Self::of(view) }
    }
}
