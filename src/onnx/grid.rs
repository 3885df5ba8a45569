use crate::config::Layout;

/// The order of a layer's axes: it gives each element's position in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grid {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
    /// Tokens, channels; axes of one element anywhere. The positions stand row by row behind the
    /// prefix tokens.
    Tokens {
        /// The number of class, distillation and register tokens.
        prefix: usize,
        /// The rows of the patches.
        height: usize,
        /// The columns of the patches.
        width: usize,
    },
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
    /// The axis of the channels of a value of `rank` dimensions.
    #[must_use]
    pub fn channel_axis(self, rank: usize) -> usize {
        match self {
            Self::Nchw => 1,
            Self::Nhwc => 3,
            Self::Tokens { .. } => rank.saturating_sub(1),
        }
    }

    /// Channels, height and width of a value of `shape`, batch included.
    #[must_use]
    pub fn extents(self, shape: &[usize]) -> Option<[usize; 3]> {
        match (self, shape) {
            (Self::Nchw, &[_, channels, height, width])
            | (Self::Nhwc, &[_, height, width, channels]) => Some([channels, height, width]),
            (Self::Tokens { prefix, height, width }, &[.., channels]) => {
                let elements: usize = shape.iter().product();
                let is_whole = elements == channels * (prefix + height * width);
                is_whole.then_some([channels, height, width])
            }
            _ => None,
        }
    }

    /// The name of the order.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
            Self::Tokens { .. } => "tokens",
        }
    }

    /// The number of tokens that have no place in the picture.
    #[must_use]
    pub fn prefix_tokens(self) -> usize {
        match self {
            Self::Tokens { prefix, .. } => prefix,
            Self::Nchw | Self::Nhwc => 0,
        }
    }
}
