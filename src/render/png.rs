//! A finished picture → the bytes of a PNG file.

use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter};

use super::RenderError;
use super::canvas::Canvas;
use super::inks::Palette;

/// A finished picture: every pixel is there, nothing is compressed yet.
#[derive(Debug, Clone)]
pub struct Drawing {
    pixels: Pixels,
}

#[derive(Debug, Clone)]
enum Pixels {
    /// Palette entries, 8 bits a pixel.
    Indexed(Canvas<u8>, Palette),
    /// Colours, 24 bits a pixel.
    Rgb(Canvas<[u8; 3]>),
}

impl Drawing {
    /// The bytes of a PNG file, with a palette where 256 colours were enough.
    ///
    /// # Errors
    /// [`RenderError::Encode`].
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        match &self.pixels {
            Pixels::Indexed(Canvas { width, height, pixels }, palette) => {
                encode(*width, *height, pixels, Some(palette))
            }
            Pixels::Rgb(Canvas { width, height, pixels }) => {
                encode(*width, *height, pixels.as_flattened(), None)
            }
        }
    }
}

impl Canvas<u8> {
    /// Finished, its pixels being entries of `palette`.
    pub(super) fn indexed(self, palette: Palette) -> Drawing {
        Drawing { pixels: Pixels::Indexed(self, palette) }
    }
}

impl Canvas<[u8; 3]> {
    /// Finished.
    pub(super) fn rgb(self) -> Drawing {
        Drawing { pixels: Pixels::Rgb(self) }
    }
}

impl From<EncodingError> for RenderError {
    fn from(error: EncodingError) -> Self {
        Self::Encode(error.to_string())
    }
}

fn encode(
    width: usize,
    height: usize,
    bytes: &[u8],
    palette: Option<&Palette>,
) -> Result<Vec<u8>, RenderError> {
    let mut file = Vec::with_capacity(bytes.len() / 4);
    // `check_size` has seen to it that both fit.
    let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_depth(BitDepth::Eight);
    // On grids a quarter larger than zlib's default level makes them, in a tenth of the time. Indices follow the colour
    // map, so that filters help as they do with grey.
    encoder.set_deflate_compression(DeflateCompression::FdeflateUltraFast);
    encoder.set_filter(Filter::Paeth);
    match palette {
        Some(palette) => {
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(palette.as_flattened().to_vec());
        }
        None => encoder.set_color(ColorType::Rgb),
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(file)
}
