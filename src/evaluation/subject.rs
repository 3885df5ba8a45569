use ndarray::{Array2, ArrayView2};

use super::ranking::Ranking;
use crate::attribution::{AttributionError, Session};
use crate::preprocess::Preprocessing;
use crate::render::resize_linear;

/// One map of one picture and one class, and what a figure may ask about it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The picture, the class and the score. It gives the scores of altered inputs.
    pub session: &'a Session<'a>,
    /// The evidence for the class, at the map's own resolution. Finite; zero is no evidence.
    pub map: ArrayView2<'a, f32>,
    /// The map at the input's pixels, enlarged as in pictures.
    pub pixels: Array2<f32>,
    /// The pixels from the most relevant to the least.
    pub ranking: Ranking,
    /// The maps of the altered inputs that [`Repetition::AlteredInputs`](super::Repetition) asks
    /// for.
    pub altered: &'a [Array2<f32>],
    /// The maps of the network whose weights are random from the end to each depth, from the
    /// shallowest depth on. The depth is the part of all layers with weights.
    pub randomized: &'a [(f64, Array2<f32>)],
    /// Where the object is, at the input's pixels.
    pub bounds: Option<PixelBox>,
    /// The start of the random numbers.
    pub seed: u64,
}

/// A rectangle of the input's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelBox {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

impl PixelBox {
    /// Whether a pixel is inside.
    #[must_use]
    pub fn contains(&self, row: usize, column: usize) -> bool {
        let rows = self.top..self.top + self.height;
        rows.contains(&row) && (self.left..self.left + self.width).contains(&column)
    }
}

impl<'a> Subject<'a> {
    /// A subject without further maps. `size` is the height and width of the input.
    #[must_use]
    pub fn new(
        session: &'a Session<'a>,
        map: ArrayView2<'a, f32>,
        size: [usize; 2],
        seed: u64,
    ) -> Self {
        let pixels = resize_linear(map, size[1], size[0]);
        let ranking = Ranking::of(pixels.view(), seed);
        let (altered, randomized) = (&[], &[]);
        Self { session, map, pixels, ranking, altered, randomized, bounds: None, seed }
    }

    /// The score of the picture, and that of the input multiplied by the map as it is drawn. None
    /// where nothing of the map is positive.
    pub(super) fn score_of_masked(&self) -> Result<Option<[f64; 2]>, AttributionError> {
        let Some(heat) = self.heat() else { return Ok(None) };
        let masked = self.session.scores(1, &|_, mut x| {
            x.outer_iter_mut().for_each(|mut channel| channel *= &heat);
        })?;
        Ok(Some([self.session.score()?, masked.first().copied().unwrap_or(f64::NAN)]))
    }

    /// The map from 0 to 1 as it is drawn: positive values divided by the largest. None where
    /// nothing is positive.
    #[must_use]
    pub fn heat(&self) -> Option<Array2<f32>> {
        let largest = self.pixels.iter().copied().fold(0.0, f32::max);
        (largest > 0.0).then(|| self.pixels.mapv(|value| (value / largest).max(0.0)))
    }
}

/// The range of a channel of the tensor from black to white.
pub(super) fn range(preprocessing: &Preprocessing, channel: usize) -> f64 {
    let [black, white] = [0.0, 255.0].map(|value| preprocessing.normalized(channel, value));
    f64::from(white - black).abs()
}
