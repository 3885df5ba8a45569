//! Every flag, variable, default and limit, declared once.

/// What a picture may cost before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// Width times height.
    pub pixels: u64,
    /// Width, and height.
    pub side: u32,
    /// Memory for decoding, in bytes.
    pub decode_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { pixels: 32_000_000, side: 16_384, decode_bytes: 256 << 20 }
    }
}
