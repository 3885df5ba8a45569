//! Encodes a picture band by band while other bands are still being drawn.

use std::sync::{Mutex, PoisonError};

use super::canvas::{Canvas, Pixel};
use super::palette::Palette;
use super::png_file::RowEncoder;
use super::{Drawing, RenderError};

/// A parallel for loop. It calls the function once with every index below the number, on any
/// threads. Ascending order is best: finished bands are then encoded while they are in the cache.
pub trait ParallelFor: Fn(usize, &(dyn Fn(usize) + Sync)) {}

impl<F: Fn(usize, &(dyn Fn(usize) + Sync))> ParallelFor for F {}

/// Draws and encodes a picture of `bands` bands, numbered from the top down.
///
/// `draw` gives each band on a canvas of its own. A thread that has finished a band encodes all
/// bands that are finished from the top down, unless another thread is encoding.
pub(super) fn encode_bands<P: Pixel>(
    (width, height): (usize, usize),
    palette: Option<&Palette>,
    bands: usize,
    parallel_for: impl ParallelFor,
    draw: impl Fn(usize) -> Canvas<P> + Sync,
) -> Result<Drawing, RenderError> {
    let finished: Vec<Mutex<Option<Canvas<P>>>> = (0..bands).map(|_| Mutex::default()).collect();
    let pixel = size_of::<P>();
    let rows = RowEncoder::new(width * pixel, pixel)?;
    let encoder = Mutex::new(BandEncoder { rows, next: 0, error: None });
    parallel_for(bands, &|index| {
        let canvas = draw(index);
        *finished[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(canvas);
        if let Ok(mut encoder) = encoder.try_lock() {
            encoder.encode_finished(&finished);
        }
    });
    let mut encoder = encoder.into_inner().unwrap_or_else(PoisonError::into_inner);
    encoder.encode_finished(&finished);
    match encoder.error {
        Some(error) => Err(error),
        None => encoder.rows.finish(width, height, palette),
    }
}

/// Adds finished bands to the file in their order.
struct BandEncoder {
    rows: RowEncoder,
    /// The first band that is not encoded yet.
    next: usize,
    error: Option<RenderError>,
}

impl BandEncoder {
    /// Encodes bands from `next` up to the first one that is not finished.
    fn encode_finished<P: Pixel>(&mut self, finished: &[Mutex<Option<Canvas<P>>>]) {
        let take = |band: &Mutex<Option<Canvas<P>>>| {
            band.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        while let Some(band) = finished.get(self.next).and_then(take) {
            self.next += 1;
            if self.error.is_none() {
                self.error = self.rows.add(P::bytes(&band.pixels)).err();
            }
        }
    }
}
