//! A canvas → the bytes of a PNG file.

use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter};

use super::RenderError;
use super::canvas::Canvas;
use super::inks::Palette;

impl From<EncodingError> for RenderError {
    fn from(error: EncodingError) -> Self {
        Self::Encode(error.to_string())
    }
}

impl Canvas<u8> {
    /// As a palette PNG, 8 bits a pixel.
    pub(super) fn encode(&self, palette: &Palette) -> Result<Vec<u8>, RenderError> {
        encode(self.width, self.height, &self.pixels, Some(palette))
    }
}

impl Canvas<[u8; 3]> {
    /// As an RGB PNG, 24 bits a pixel.
    pub(super) fn encode(&self) -> Result<Vec<u8>, RenderError> {
        encode(self.width, self.height, self.pixels.as_flattened(), None)
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
