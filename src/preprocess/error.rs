//! What can be wrong with a picture that somebody sends.

use super::Format;

/// Why a picture was refused. Each text states the value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// No bytes at all.
    #[error("the picture is empty (0 bytes); send a PNG, JPEG, WebP, GIF, BMP or TIFF file")]
    Empty,
    /// Not one of the supported formats; `hint` is what the first bytes look like, where known.
    #[error("{}; send PNG, JPEG, WebP, GIF, BMP or TIFF", looks_like(*.hint))]
    UnknownFormat {
        /// The format's name as people write it: `HEIF`, `AVIF`, `SVG`, `PSD`, …
        hint: Option<&'static str>,
    },
    /// A supported format, but a variant of it that is not decoded.
    #[error(
        "this kind of {format} is not supported ({feature}); save it as 8-bit RGB PNG or baseline JPEG"
    )]
    UnsupportedFeature {
        /// The file's format.
        format: Format,
        /// What the file uses: `arithmetic coding`, `12-bit samples`, …
        feature: String,
    },
    /// Width × height exceeds the limit. Found in the header, before decoding.
    #[error(
        "the picture is {width} × {height}, {} pixels; at most {limit} are taken: send it smaller",
        u64::from(*.width) * u64::from(*.height)
    )]
    TooManyPixels {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The most pixels that are taken.
        limit: u64,
    },
    /// One side exceeds the limit. Found in the header, before decoding.
    #[error(
        "the picture is {width} × {height}; a side may have at most {limit} pixels: send it smaller"
    )]
    TooLargeSide {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The longest side that is taken.
        limit: u32,
    },
    /// Decoding would need more memory than allowed, for the pixels or for metadata.
    #[error(
        "{format}: decoding needs more than {limit} bytes of memory; send it smaller, or as 8-bit RGB without metadata"
    )]
    TooMuchMemory {
        /// The file's format.
        format: Format,
        /// The most bytes that decoding may take.
        limit: u64,
    },
    /// The file is truncated or damaged.
    #[error("{format}: the file is damaged or cut short ({reason}); send it again or re-save it")]
    Broken {
        /// The file's format.
        format: Format,
        /// What the decoder stumbled over.
        reason: String,
    },
}

impl PictureError {
    /// A stable name of the kind of error, in kebab-case.
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
