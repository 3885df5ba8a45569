//! Pixels → the bytes of a PNG file.

use std::io::Cursor;
use std::time::{Duration, Instant};

use fdeflate::Compressor;
use png::{BitDepth, ColorType, Encoder, EncodingError, chunk};

use super::RenderError;
use super::palette::Palette;

/// A picture as a PNG file. It has a palette where 256 colours are enough.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The bytes of the file.
    pub png: Vec<u8>,
    /// The time that encoding the finished pixels took.
    pub encoding: Duration,
}

impl From<EncodingError> for RenderError {
    fn from(error: EncodingError) -> Self {
        Self::Encode(error.to_string())
    }
}

/// Encodes the rows of a PNG file, from the top down.
///
/// On grids fdeflate makes files a quarter larger than zlib's default level, in a tenth of the
/// time. Palette indices follow the colour map, so filters help as much as they do on grey values.
pub(super) struct RowEncoder {
    compressor: Compressor<Cursor<Vec<u8>>>,
    /// Bytes of a row.
    row_bytes: usize,
    /// Bytes of a pixel.
    pixel_bytes: usize,
    previous: Vec<u8>,
    filtered: Vec<u8>,
    elapsed: Duration,
}

/// The number of the Paeth filter (PNG 9.4).
const PAETH: u8 = 4;

/// The Paeth predictor (PNG 9.4): of the bytes to the left, above, and to the upper left, the one
/// that is nearest to left + above − upper left.
fn paeth(left: u8, above: u8, upper_left: u8) -> u8 {
    let [a, b, c] = [left, above, upper_left].map(i16::from);
    let (to_left, to_above, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    let nearer = if to_above <= to_corner { above } else { upper_left };
    if to_left <= to_above && to_left <= to_corner { left } else { nearer }
}

impl RowEncoder {
    /// An encoder for rows of `row_bytes` bytes with `pixel_bytes` bytes a pixel.
    pub(super) fn new(row_bytes: usize, pixel_bytes: usize) -> Result<Self, RenderError> {
        let compressor = Compressor::new(Cursor::new(Vec::new())).map_err(encode_error)?;
        let (previous, filtered) = (vec![0; row_bytes], vec![PAETH; row_bytes + 1]);
        let elapsed = Duration::ZERO;
        Ok(Self { compressor, row_bytes, pixel_bytes, previous, filtered, elapsed })
    }

    /// Adds whole rows.
    pub(super) fn add(&mut self, rows: &[u8]) -> Result<(), RenderError> {
        let start = Instant::now();
        for row in rows.chunks_exact(self.row_bytes) {
            let (first, rest) = self.filtered[1..].split_at_mut(self.pixel_bytes);
            let above = first.iter_mut().zip(row).zip(&self.previous);
            above.for_each(|((out, &byte), &above)| *out = byte.wrapping_sub(above));
            let neighbours = row.iter().zip(&self.previous[self.pixel_bytes..]).zip(&self.previous);
            for ((out, &byte), ((&left, &above), &upper_left)) in
                rest.iter_mut().zip(&row[self.pixel_bytes..]).zip(neighbours)
            {
                *out = byte.wrapping_sub(paeth(left, above, upper_left));
            }
            self.compressor.write_data(&self.filtered).map_err(encode_error)?;
            self.previous.copy_from_slice(row);
        }
        self.elapsed += start.elapsed();
        Ok(())
    }

    /// The file with all rows that were added.
    pub(super) fn finish(
        self,
        width: usize,
        height: usize,
        palette: Option<&Palette>,
    ) -> Result<Drawing, RenderError> {
        let start = Instant::now();
        let data = self.compressor.finish().map_err(encode_error)?.into_inner();
        let mut png = Vec::with_capacity(data.len() + 2048);
        // `check_size` guarantees that both fit into 32 bits.
        let mut encoder = Encoder::new(&mut png, width as u32, height as u32);
        encoder.set_depth(BitDepth::Eight);
        match palette {
            Some(palette) => {
                encoder.set_color(ColorType::Indexed);
                encoder.set_palette(palette.as_flattened().to_vec());
            }
            None => encoder.set_color(ColorType::Rgb),
        }
        let mut writer = encoder.write_header()?;
        writer.write_chunk(chunk::IDAT, &data)?;
        writer.finish()?;
        Ok(Drawing { png, encoding: self.elapsed + start.elapsed() })
    }
}

fn encode_error(error: std::io::Error) -> RenderError {
    RenderError::Encode(error.to_string())
}
