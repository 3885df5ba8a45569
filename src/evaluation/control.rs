use ndarray::Array2;
use rand::RngExt;
use serde::Serialize;

use crate::attribution::generator;

/// A map that knows nothing of the network. A method whose figures are no better explains nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// Independent uniform random numbers.
    Random,
    /// A Gaussian in the middle of the picture, where photographers place their subject.
    Gaussian,
}

/// The standard deviation of the Gaussian, as a part of each side.
const DEVIATION: f64 = 0.25;

/// The generator of the random map. Figures use those from 0 on.
const GENERATOR: usize = usize::MAX - 1;

impl Control {
    /// Every control.
    pub const ALL: [Self; 2] = [Self::Random, Self::Gaussian];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Gaussian => "gaussian",
        }
    }

    /// What it is.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Random => "Random map",
            Self::Gaussian => "Centred Gaussian",
        }
    }

    /// The map, height × width.
    #[must_use]
    pub fn map(self, (height, width): (usize, usize), seed: u64) -> Array2<f32> {
        match self {
            Self::Random => {
                let mut generator = generator(seed, GENERATOR);
                Array2::from_shape_simple_fn((height, width), || generator.random::<f32>())
            }
            Self::Gaussian => Array2::from_shape_fn((height, width), |(row, column)| {
                let square = |at: usize, length: usize| {
                    let offset = (at as f64 + 0.5) / length as f64 - 0.5;
                    (offset / DEVIATION).powi(2)
                };
                (-(square(row, height) + square(column, width)) / 2.0).exp() as f32
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaussian_is_largest_in_the_middle_and_symmetric() {
        let map = Control::Gaussian.map((5, 7), 0);
        assert_eq!(map[[2, 3]], 1.0);
        assert!(map.iter().all(|&value| value <= 1.0));
        assert_eq!(map[[0, 0]], map[[4, 6]]);
    }

    #[test]
    fn the_seed_draws_the_random_map() {
        let map = |seed| Control::Random.map((6, 6), seed);
        assert_eq!(map(3), map(3));
        assert_ne!(map(3), map(4));
    }
}
