//! Pictures of one size in rows and columns.

use image::RgbImage;

use super::canvas::{Canvas, check_size};
use super::colormap::Colormap;
use super::palette::PixelColors;
use super::png_file::RowEncoder;
use super::{Drawing, RenderError};

/// How pictures are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MosaicOptions {
    /// The pictures in a row.
    pub columns: usize,
    /// Whether one column is filled after the other, instead of the rows.
    pub by_columns: bool,
    /// The pixels between two pictures.
    pub margin: usize,
    /// The colour between them.
    pub background: [u8; 3],
    /// The most pixels of the result.
    pub max_pixels: u64,
}

/// Draws pictures of `size`, width and height. One that is None is hatched.
///
/// # Errors
/// [`RenderError`].
pub fn mosaic(
    pictures: &[Option<RgbImage>],
    size: [usize; 2],
    options: &MosaicOptions,
) -> Result<Drawing, RenderError> {
    let MosaicOptions { columns, by_columns, margin, background, max_pixels } = *options;
    let columns = columns.clamp(1, pictures.len().max(1));
    let rows = pictures.len().div_ceil(columns);
    let [width, height] = [(columns, size[0]), (rows, size[1])]
        .map(|(count, length)| (count * (length + margin)).saturating_sub(margin));
    check_size(
        width as u64,
        height as u64,
        max_pixels,
        "ask for fewer channels or a smaller size",
    )?;
    let mut canvas = Canvas::new(width, height, background);
    let mut view = canvas.view_mut();
    let colors = PixelColors::rgb(Colormap::Gray);
    for (index, picture) in pictures.iter().enumerate() {
        let (row, column) = match by_columns {
            true => (index % rows, index / rows),
            false => (index / columns, index % columns),
        };
        let corner = (column * (size[0] + margin), row * (size[1] + margin));
        match picture {
            Some(picture) => view.draw_picture(corner, picture, 1),
            None => view.draw_dead(corner, (size[0], size[1]), &colors),
        }
    }
    let mut encoder = RowEncoder::new(width * 3, 3)?;
    encoder.add(canvas.pixels.as_flattened())?;
    encoder.finish(width, height, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fill_rows_or_columns_with_margins_between_them() {
        let picture = |level: u8| Some(RgbImage::from_pixel(2, 3, image::Rgb([level; 3])));
        let pictures = [picture(10), picture(20), picture(30), None];
        for (by_columns, second) in [(false, (3, 0)), (true, (0, 4))] {
            let (columns, margin, background) = (2, 1, [0, 0, 255]);
            let options =
                MosaicOptions { columns, by_columns, margin, background, max_pixels: 1000 };
            let drawing = mosaic(&pictures, [2, 3], &options).unwrap();
            let drawn = image::load_from_memory(&drawing.png).unwrap().to_rgb8();
            assert_eq!(drawn.dimensions(), (5, 7));
            assert_eq!(drawn.get_pixel(second.0, second.1).0, [20; 3]);
            assert_eq!(drawn.get_pixel(2, 0).0, background);
            assert!(drawn.get_pixel(3, 4).0[0] > 200, "hatched");
            let small = MosaicOptions { max_pixels: 34, ..options };
            assert!(mosaic(&pictures, [2, 3], &small).is_err());
        }
    }
}
