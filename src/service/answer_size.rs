//! The size of an answer. It is known, or bounded from above, before memory is taken for it.

use super::ServiceError;
use crate::render::{Drawing, RenderError};

/// The most bytes of a float32 in JSON with its comma, such as `-0.00000123456789,`: nine digits,
/// and no exponent from 10⁻⁶ on.
const JSON_NUMBER_BYTES: u64 = 18;

/// How a picture is part of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// As a PNG file.
    Png,
    /// As the base64 of a PNG file.
    Base64,
}

impl Encoding {
    /// The most bytes of a pixel. fdeflate writes at most 12 bits for a byte, and a pixel has at
    /// most three bytes: 4.5, and less than a half for the filter byte of its row. base64 writes
    /// four bytes for three.
    fn pixel_bytes(self) -> u64 {
        match self {
            Self::Png => 5,
            Self::Base64 => 7,
        }
    }

    /// The bytes of a file of `length` bytes.
    fn bytes(self, length: usize) -> u64 {
        match self {
            Self::Png => length as u64,
            Self::Base64 => length.div_ceil(3) as u64 * 4,
        }
    }
}

/// The bytes that an answer takes so far, and the most that it may take.
#[derive(Debug, Clone, Copy)]
pub struct AnswerSize {
    bytes: u64,
    limit: u64,
}

impl AnswerSize {
    /// An answer without content. It may take at most `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: u64) -> Self {
        Self { bytes: 0, limit }
    }

    /// Adds `bytes`. `remedy` says what to ask for if they are too many.
    ///
    /// # Errors
    /// [`ServiceError::AnswerTooLarge`].
    pub fn add(&mut self, bytes: u64, remedy: &'static str) -> Result<(), ServiceError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let Self { bytes, limit } = *self;
        if bytes > limit {
            return Err(ServiceError::AnswerTooLarge { bytes, limit, remedy });
        }
        Ok(())
    }

    /// Adds `count` float32 as JSON.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_numbers(&mut self, count: u64, remedy: &'static str) -> Result<(), ServiceError> {
        self.add(count.saturating_mul(JSON_NUMBER_BYTES), remedy)
    }

    /// Adds the picture that `draw` draws. `draw` gets the most pixels that it may have: those that
    /// fit, at most `max_pixels`.
    ///
    /// # Errors
    /// [`ServiceError::AnswerTooLarge`], before anything is drawn, and those of `draw`.
    pub(super) fn add_picture(
        &mut self,
        encoding: Encoding,
        max_pixels: u64,
        draw: impl FnOnce(u64) -> Result<Drawing, ServiceError>,
    ) -> Result<Drawing, ServiceError> {
        let pixel_bytes = encoding.pixel_bytes();
        let fitting = self.limit.saturating_sub(self.bytes) / pixel_bytes;
        match draw(fitting.min(max_pixels)) {
            Ok(drawing) => {
                self.bytes += encoding.bytes(drawing.png.len());
                Ok(drawing)
            }
            Err(ServiceError::Render(RenderError::TooLarge { width, height, remedy, .. })) => {
                let pixels = width.saturating_mul(height);
                if pixels <= max_pixels {
                    self.add(pixels.saturating_mul(pixel_bytes), remedy)?;
                }
                Err(RenderError::TooLarge { width, height, limit: max_pixels, remedy }.into())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_float32_has_more_bytes_in_json() {
        let extreme = [f32::MIN, f32::MIN_POSITIVE, -f32::MIN_POSITIVE, -16_777_215.0, -1e-45];
        let negative = (0x8000_0000..0xFF80_0000).step_by(9973).map(f32::from_bits);
        for value in extreme.into_iter().chain(negative) {
            let text = serde_json::to_string(&value).unwrap() + ",";
            assert!(text.len() as u64 <= JSON_NUMBER_BYTES, "{text}");
        }
    }

    #[test]
    fn a_picture_is_drawn_only_if_its_worst_case_fits() {
        let drawing = |bytes| Ok(Drawing { png: vec![0; bytes], encoding: Duration::ZERO });
        let too_large = |limit| {
            let remedy = "smaller";
            Err(RenderError::TooLarge { width: 10, height: 10, limit, remedy }.into())
        };
        let mut size = AnswerSize::with_limit(1000);
        size.add(500, "").unwrap();
        size.add_picture(Encoding::Png, 80, |pixels| {
            assert_eq!(pixels, 80);
            drawing(100)
        })
        .unwrap();
        size.add_picture(Encoding::Base64, 80, |pixels| {
            assert_eq!(pixels, 400 / 7);
            drawing(100)
        })
        .unwrap();
        let refused = size.add_picture(Encoding::Png, 1000, too_large).unwrap_err();
        let says = "the answer would have up to 1236 bytes, more than 1000; smaller";
        assert_eq!(refused.to_string(), says);
        let refused = size.add_picture(Encoding::Png, 99, too_large).unwrap_err();
        assert!(refused.to_string().contains("10 × 10 pixels, more than 99;"), "{refused}");
    }
}
