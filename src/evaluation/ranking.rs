use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;

use crate::attribution::generator;

/// The pixels from the most relevant to the least, as indices row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The number of pixels with a more relevant place, for each pixel: height × width.
    places: Array2<usize>,
}

/// The generator of the order among equal pixels. Figures use those from 0 on.
const TIES: usize = usize::MAX;

impl Ranking {
    /// Ranks the pixels of a map, largest first. Pixels with equal values come in an order that
    /// `seed` draws: in the order of rows, a map with many zeros would remove the picture from its
    /// top.
    #[must_use]
    pub fn of(map: ArrayView2<'_, f32>, seed: u64) -> Self {
        let values: Vec<f32> = map.iter().copied().collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.shuffle(&mut generator(seed, TIES));
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut places = Array2::zeros(map.dim());
        for (place, index) in order.into_iter().enumerate() {
            places[[index / map.ncols(), index % map.ncols()]] = place;
        }
        Self { places }
    }

    /// The number of pixels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether each pixel is among the `count` most relevant, height × width.
    #[must_use]
    pub fn most_relevant(&self, count: usize) -> Array2<bool> {
        self.places.mapv(|place| place < count)
    }

    /// Whether each pixel is among the `count` least relevant, height × width.
    #[must_use]
    pub fn least_relevant(&self, count: usize) -> Array2<bool> {
        let first = self.len().saturating_sub(count);
        self.places.mapv(|place| place >= first)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn pixels_are_ranked_by_value() {
        let ranking = Ranking::of(array![[0.5, -1.0], [2.0, 0.0]].view(), 0);
        assert_eq!(ranking.most_relevant(1), array![[false, false], [true, false]]);
        assert_eq!(ranking.most_relevant(3), array![[true, false], [true, true]]);
        assert_eq!(ranking.least_relevant(1), array![[false, true], [false, false]]);
    }

    #[test]
    fn equal_pixels_come_in_an_order_that_the_seed_draws() {
        let map = Array2::zeros((8, 8));
        let first = Ranking::of(map.view(), 1).most_relevant(32);
        assert!(first.iter().skip(32).filter(|is_first| **is_first).count() > 8);
        assert_eq!(Ranking::of(map.view(), 1), Ranking::of(map.view(), 1));
        assert_ne!(Ranking::of(map.view(), 1), Ranking::of(map.view(), 2));
    }
}
