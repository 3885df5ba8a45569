//! Bands of a picture → its PNG file, while others are still being drawn.

use std::sync::{Mutex, PoisonError};

use super::canvas::{Canvas, Pixel};
use super::inks::Palette;
use super::png::Rows;
use super::{Drawing, RenderError};

/// Who draws what: calls the function with every index below the number, best in that order, on any
/// threads.
pub trait Share: Fn(usize, &(dyn Fn(usize) + Sync)) {}

impl<F: Fn(usize, &(dyn Fn(usize) + Sync))> Share for F {}

/// The file of a picture of `bands` from the top down, each drawn by `draw` on a canvas of its own.
/// Whoever has finished one encodes what is finished from the top down, unless another is at it.
pub(super) fn print<P: Pixel>(
    (width, height): (usize, usize),
    palette: Option<&Palette>,
    bands: usize,
    share: impl Share,
    draw: impl Fn(usize) -> Canvas<P> + Sync,
) -> Result<Drawing, RenderError> {
    let finished: Vec<Mutex<Option<Canvas<P>>>> = (0..bands).map(|_| Mutex::default()).collect();
    let pixel = size_of::<P>();
    let press = Mutex::new(Press { rows: Rows::new(width * pixel, pixel)?, next: 0, error: None });
    share(bands, &|index| {
        let canvas = draw(index);
        *finished[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(canvas);
        if let Ok(mut press) = press.try_lock() {
            press.print(&finished);
        }
    });
    let mut press = press.into_inner().unwrap_or_else(PoisonError::into_inner);
    press.print(&finished);
    match press.error {
        Some(error) => Err(error),
        None => press.rows.finish(width, height, palette),
    }
}

/// Puts finished bands into the file, in their order.
struct Press {
    rows: Rows,
    next: usize,
    error: Option<RenderError>,
}

impl Press {
    /// All that have been finished since, up to the first that has not.
    fn print<P: Pixel>(&mut self, finished: &[Mutex<Option<Canvas<P>>>]) {
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
