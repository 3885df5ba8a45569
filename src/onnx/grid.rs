use serde::Serialize;

use crate::config::Layout;

/// The order of a layer's axes: it gives each element's position in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grid {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

impl From<Layout> for Grid {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Nchw => Self::Nchw,
            Layout::Nhwc => Self::Nhwc,
        }
    }
}

impl Grid {
    /// The axis of the channels.
    #[must_use]
    pub fn channel_axis(self) -> usize {
        match self {
            Self::Nchw => 1,
            Self::Nhwc => 3,
        }
    }

    /// Channels, height and width of a value of `shape`, batch included.
    #[must_use]
    pub fn extents(self, shape: &[usize]) -> Option<[usize; 3]> {
        let &[_, a, b, c] = shape else { return None };
        match self {
            Self::Nchw => Some([a, b, c]),
            Self::Nhwc => Some([c, a, b]),
        }
    }
}
