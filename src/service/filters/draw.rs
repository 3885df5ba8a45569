use image::{Rgb, RgbImage};
use ndarray::Array3;

use super::request::{FilterPatterns, Filters, MARGIN};
use crate::filters::Style;
use crate::render::{Drawing, MosaicOptions, mosaic};
use crate::service::ServiceError;
use crate::service::answer_size::{AnswerSize, Encoding};

impl Filters {
    /// The pictures in a row.
    pub(super) fn columns(&self) -> usize {
        self.columns.unwrap_or(8).min(self.channels.len()).max(1)
    }

    /// The pictures in rows and columns. In the book's style they are in the book's order.
    pub(super) fn draw(
        &self,
        output: &FilterPatterns,
        encoding: Encoding,
    ) -> Result<Drawing, ServiceError> {
        let [height, width] = output.size;
        let pictures = output
            .patterns
            .iter()
            .map(|pattern| (!pattern.is_dead).then(|| picture(&pattern.levels)));
        let pictures: Vec<Option<RgbImage>> = pictures.collect();
        let by_columns = self.style == Style::Book;
        let background = if by_columns { [0; 3] } else { [255; 3] };
        let columns = self.columns();
        let draw = |max_pixels| {
            let margin = MARGIN;
            let options = MosaicOptions { columns, by_columns, margin, background, max_pixels };
            Ok(mosaic(&pictures, [width, height], &options)?)
        };
        AnswerSize::with_limit(self.max_bytes).add_picture(encoding, self.max_pixels, draw)
    }
}

/// A picture of three channels, or a grey one.
fn picture(levels: &Array3<u8>) -> RgbImage {
    let (channels, height, width) = levels.dim();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let color = |channel: usize| levels[[channel.min(channels - 1), y as usize, x as usize]];
        Rgb([color(0), color(1), color(2)])
    })
}
