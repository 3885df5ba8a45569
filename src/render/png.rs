//! Pixels → the bytes of a PNG file.

use std::io::Cursor;
use std::time::{Duration, Instant};

use fdeflate::Compressor;
use png::{BitDepth, ColorType, Encoder, EncodingError, chunk};

use super::RenderError;
use super::inks::Palette;

/// A picture as a PNG file, with a palette where 256 colours were enough.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The bytes of the file.
    pub png: Vec<u8>,
    /// How long turning finished pixels into those bytes took.
    pub encoding: Duration,
}

impl From<EncodingError> for RenderError {
    fn from(error: EncodingError) -> Self {
        Self::Encode(error.to_string())
    }
}

/// The pixels of a PNG file, to which rows are added from the top down.
///
/// On grids fdeflate makes files a quarter larger than zlib's default level, in a tenth of the
/// time. Indices follow the colour map, so that filters help as they do with grey.
pub(super) struct Rows {
    compressor: Compressor<Cursor<Vec<u8>>>,
    /// Bytes of a row, and of a pixel.
    length: usize,
    pixel: usize,
    previous: Vec<u8>,
    filtered: Vec<u8>,
    spent: Duration,
}

/// The number of Paeth's filter, and its predictor (PNG 9.4).
const PAETH: u8 = 4;

/// Of the bytes to the left, above, and above to the left, the one nearest to left + above − above
/// left.
fn predicted(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let (to_left, to_above, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    let nearer = if to_above <= to_corner { above } else { corner };
    if to_left <= to_above && to_left <= to_corner { left } else { nearer }
}

impl Rows {
    /// For rows of `length` bytes, `pixel` bytes a pixel.
    pub(super) fn new(length: usize, pixel: usize) -> Result<Self, RenderError> {
        let compressor = Compressor::new(Cursor::new(Vec::new())).map_err(failed)?;
        let (previous, filtered) = (vec![0; length], vec![PAETH; length + 1]);
        Ok(Self { compressor, length, pixel, previous, filtered, spent: Duration::ZERO })
    }

    /// Adds whole rows.
    pub(super) fn add(&mut self, rows: &[u8]) -> Result<(), RenderError> {
        let start = Instant::now();
        for row in rows.chunks_exact(self.length) {
            let (first, rest) = self.filtered[1..].split_at_mut(self.pixel);
            let above = first.iter_mut().zip(row).zip(&self.previous);
            above.for_each(|((out, &byte), &above)| *out = byte.wrapping_sub(above));
            let neighbours = row.iter().zip(&self.previous[self.pixel..]).zip(&self.previous);
            for ((out, &byte), ((&left, &above), &corner)) in
                rest.iter_mut().zip(&row[self.pixel..]).zip(neighbours)
            {
                *out = byte.wrapping_sub(predicted(left, above, corner));
            }
            self.compressor.write_data(&self.filtered).map_err(failed)?;
            self.previous.copy_from_slice(row);
        }
        self.spent += start.elapsed();
        Ok(())
    }

    /// A file of the rows.
    pub(super) fn finish(
        self,
        width: usize,
        height: usize,
        palette: Option<&Palette>,
    ) -> Result<Drawing, RenderError> {
        let start = Instant::now();
        let data = self.compressor.finish().map_err(failed)?.into_inner();
        let mut png = Vec::with_capacity(data.len() + 2048);
        // `check_size` has seen to it that both fit.
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
        Ok(Drawing { png, encoding: self.spent + start.elapsed() })
    }
}

fn failed(error: std::io::Error) -> RenderError {
    RenderError::Encode(error.to_string())
}
