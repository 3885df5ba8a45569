//! Errors of drawing.

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The picture would be too large.
    #[error("the picture would have {width} × {height} pixels, more than {limit}; {remedy}")]
    TooLarge {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The largest number of pixels that is allowed.
        limit: u64,
        /// What to change: fewer layers, a smaller zoom, …
        remedy: &'static str,
    },
    /// There is no layer, no channel, or an axis has length 0.
    #[error("there is nothing to draw")]
    Nothing,
    /// No figure has a curve.
    #[error("none of the figures has a curve; ask for deletion, insertion or road, or for JSON")]
    NoCurves,
    /// The curves could not be drawn.
    #[error("the curves could not be drawn: {0}")]
    Plot(String),
    /// The PNG encoder failed.
    #[error("the PNG encoder failed: {0}")]
    Encode(String),
}
