//! Mean and standard error of a map that is a mean over random samples.

use ndarray::{Array2, ArrayView2, Zip};

/// Sums over the samples of a map, height × width.
#[derive(Debug)]
pub(super) struct Moments {
    /// The number of samples.
    pub(super) samples: usize,
    sum: Array2<f64>,
    squares: Array2<f64>,
}

impl Moments {
    /// No samples yet.
    pub(super) fn zeros((height, width): (usize, usize)) -> Self {
        let zeros = Array2::zeros((height, width));
        Self { samples: 0, sum: zeros.clone(), squares: zeros }
    }

    /// Adds the sample `factor` · `values`.
    pub(super) fn add<T: Copy + Into<f64>>(&mut self, factor: f64, values: ArrayView2<'_, T>) {
        self.samples += 1;
        Zip::from(&mut self.sum).and(&mut self.squares).and(&values).for_each(
            |sum, squares, &value| {
                let value = factor * value.into();
                *sum += value;
                *squares += value * value;
            },
        );
    }

    /// The mean of the samples.
    pub(super) fn mean(&self) -> Array2<f64> {
        &self.sum / self.samples.max(1) as f64
    }

    /// The standard error of the mean: √(variance / samples), as the root mean square over all
    /// positions. It is infinite for fewer than two samples.
    pub(super) fn standard_error(&self) -> f64 {
        if self.samples < 2 {
            return f64::INFINITY;
        }
        let n = self.samples as f64;
        let variance =
            |(sum, squares): (&f64, &f64)| ((squares - sum * sum / n) / (n - 1.0)).max(0.0);
        let total: f64 = self.sum.iter().zip(&self.squares).map(variance).sum();
        (total / n / self.sum.len().max(1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_standard_error_is_that_of_the_mean() {
        let mut moments = Moments::zeros((1, 2));
        assert!(moments.standard_error().is_infinite());
        for value in [1.0f32, 2.0, 3.0, 6.0] {
            moments.add(2.0, array![[value, 5.0]].view());
        }
        assert_eq!((moments.samples, moments.mean()), (4, array![[6.0, 10.0]]));
        // Deviations −4, −2, 0 and 6: the variance is 56/3, that of the other position 0.
        let expected = (56.0f64 / 3.0 / 4.0 / 2.0).sqrt();
        assert!((moments.standard_error() - expected).abs() < 1e-12);
    }
}
