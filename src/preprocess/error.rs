//! Errors of decoding a picture.

use super::Format;

/// Why a picture was refused. Each message gives the value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The file has no bytes.
    #[error("the picture is empty (0 bytes); send a PNG, JPEG, WebP, GIF, BMP or TIFF file")]
    Empty,
    /// The file's format is not supported. `hint` is the format that its first bytes suggest.
    #[error("{}; send PNG, JPEG, WebP, GIF, BMP or TIFF", looks_like(*.hint))]
    UnknownFormat {
        /// The format's name as people write it: `HEIF`, `AVIF`, `SVG`, `PSD`, …
        hint: Option<&'static str>,
    },
    /// The format is supported, but this variant of it is not.
    #[error(
        "this kind of {format} is not supported ({feature}); save it as 8-bit RGB PNG or baseline \
         JPEG"
    )]
    UnsupportedFeature {
        /// The file's format.
        format: Format,
        /// What the file uses: `arithmetic coding`, `12 bits a sample`, …
        feature: String,
    },
    /// Width × height exceeds the limit. The header says so, before decoding.
    #[error(
        "the picture is {width} × {height}, {} pixels, more than {limit}; send a smaller one",
        u64::from(*.width) * u64::from(*.height)
    )]
    TooManyPixels {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The largest number of pixels that is allowed.
        limit: u64,
    },
    /// One side exceeds the limit. The header says so, before decoding.
    #[error(
        "the picture is {width} × {height}; a side may have at most {limit} pixels: send a smaller \
         one"
    )]
    TooLargeSide {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The longest side that is allowed.
        limit: u32,
    },
    /// Decoding would need more memory than allowed, for the pixels or for metadata.
    #[error(
        "{format}: decoding needs more than {limit} bytes of memory; send a smaller picture, or \
         8-bit RGB without metadata"
    )]
    TooMuchMemory {
        /// The file's format.
        format: Format,
        /// The number of bytes that decoding may use.
        limit: u64,
    },
    /// The file is truncated or damaged.
    #[error("{format}: the file is damaged or cut short ({reason}); send it again or re-save it")]
    Broken {
        /// The file's format.
        format: Format,
        /// What the decoder could not read.
        reason: String,
    },
}

impl PictureError {
    /// The stable code of this kind of error, in kebab-case.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty-picture",
            Self::UnknownFormat { .. } => "unknown-picture-format",
            Self::UnsupportedFeature { .. } => "unsupported-picture-feature",
            Self::TooManyPixels { .. } => "too-many-pixels",
            Self::TooLargeSide { .. } => "too-large-side",
            Self::TooMuchMemory { .. } => "too-much-memory",
            Self::Broken { .. } => "broken-picture",
        }
    }
}

fn looks_like(hint: Option<&str>) -> String {
    match hint {
        Some(name) => format!("this looks like {name}"),
        None => "the bytes are not a picture of a known format".to_owned(),
    }
}
