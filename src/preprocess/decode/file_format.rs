//! Recognises file formats by their first bytes, as file(1) does. Names and media types are
//! ignored.

/// The file formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics. Of an animation the default image is decoded.
    Png,
    /// JPEG: baseline and progressive, 8 bits, grey, YCbCr, RGB, CMYK and YCCK.
    Jpeg,
    /// WebP: lossy and lossless. Of an animation the first frame is decoded.
    WebP,
    /// GIF. Of an animation the first frame is decoded.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// TIFF. The first page is decoded.
    Tiff,
}

impl Format {
    /// The extensions of files that have one of these formats, in lower case.
    pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"];
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}

/// The format of `bytes`, if it is supported.
pub(super) fn recognize(bytes: &[u8]) -> Option<Format> {
    let is = |magic: &[u8]| bytes.starts_with(magic);
    if is(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if is(b"\xff\xd8\xff") {
        Some(Format::Jpeg)
    } else if is(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Format::WebP)
    } else if is(b"GIF87a") || is(b"GIF89a") {
        Some(Format::Gif)
    } else if is(b"BM") {
        Some(Format::Bmp)
    } else if is(b"II*\0") || is(b"MM\0*") || is(b"II+\0") || is(b"MM\0+") {
        Some(Format::Tiff)
    } else {
        None
    }
}

/// The usual name of the unsupported format that `bytes` seem to have.
pub(super) fn hint(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(match bytes.get(8..12) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1" | b"msf1") => "HEIF",
            _ => "a video (MP4)",
        });
    }
    if bytes.get(12..16) == Some(b"IHDR") || bytes.get(1..4) == Some(b"PNG") {
        return Some("a PNG whose first bytes are damaged");
    }
    const MAGIC: [(&[u8], &str); 14] = [
        (b"8BPS", "PSD"),
        (b"%PDF", "PDF"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"\0\0\x01\0", "ICO"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"qoif", "QOI"),
        (b"P5\n", "PGM"),
        (b"P6\n", "PPM"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"data:image", "a data: URL (send the decoded bytes, or the base64 text alone)"),
    ];
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|&(_, name)| name).or_else(|| {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
        let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        match () {
            () if start.starts_with('<') && start.contains("<svg") => Some("SVG"),
            () if start.starts_with("<!doctype html") || start.starts_with("<html") => Some("HTML"),
            () if start.starts_with('{') => Some("JSON"),
            () => None,
        }
    })
}
