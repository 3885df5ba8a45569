//! Noisy linear imputation (Rong et al. 2022, <https://arxiv.org/abs/2202.00449>): removed pixels
//! become the weighted mean of their neighbours, so that their shape does not show.

use ndarray::{Array3, ArrayView2, ArrayView3};

/// The neighbours of a pixel: rows, columns, and the weight.
const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (0, 1, 1.0 / 6.0),
    (0, -1, 1.0 / 6.0),
    (1, 0, 1.0 / 6.0),
    (-1, 0, 1.0 / 6.0),
    (1, 1, 1.0 / 12.0),
    (1, -1, 1.0 / 12.0),
    (-1, 1, 1.0 / 12.0),
    (-1, -1, 1.0 / 12.0),
];

/// The residual at which the solution is exact enough, relative to the right-hand side.
const TOLERANCE: f64 = 1e-6;

/// The most steps of the solver. A system of n × n pixels takes about 2n.
const MOST_STEPS: usize = 5000;

/// The input with its removed pixels imputed, without noise. `removed` is height × width. Each
/// removed pixel is the mean of its neighbours with the weights 1/6 beside
/// and 1/12 across; neighbours beyond the border do not count. If every pixel is removed, nothing
/// is known and the result is the input's mean colour.
#[must_use]
pub fn imputed(input: ArrayView3<'_, f32>, removed: ArrayView2<'_, bool>) -> Array3<f32> {
    let (height, width) = removed.dim();
    let removed: Vec<bool> = removed.iter().copied().collect();
    let system = System::of(&removed, [height, width]);
    let mut imputed = input.to_owned();
    for mut channel in imputed.outer_iter_mut() {
        let values = system.solve(channel.view());
        for (&pixel, value) in system.unknown.iter().zip(values) {
            channel[[pixel / width, pixel % width]] = value as f32;
        }
    }
    imputed
}

/// The equations of the removed pixels: Σ w·(x − neighbour) = 0. The matrix is symmetric and, with
/// one known pixel, positive definite.
struct System {
    /// The removed pixels.
    unknown: Vec<usize>,
    /// The neighbours of each of them, as places in `unknown`, with the weight.
    unknown_neighbours: Vec<Vec<(usize, f64)>>,
    /// The known neighbours of each of them, as pixels, with the weight.
    known_neighbours: Vec<Vec<(usize, f64)>>,
    width: usize,
}

impl System {
    fn of(removed: &[bool], [height, width]: [usize; 2]) -> Self {
        let unknown: Vec<usize> = (0..removed.len()).filter(|&pixel| removed[pixel]).collect();
        let mut places = vec![0; removed.len()];
        unknown.iter().enumerate().for_each(|(place, &pixel)| places[pixel] = place);
        let neighbours = |pixel: usize| {
            NEIGHBOURS.into_iter().filter_map(move |(rows, columns, weight)| {
                let row = (pixel / width).checked_add_signed(rows).filter(|&row| row < height)?;
                let column = (pixel % width).checked_add_signed(columns);
                Some((row * width + column.filter(|&column| column < width)?, weight))
            })
        };
        let of_kind = |is_removed: bool| {
            let of_pixel = |&pixel: &usize| {
                let of_kind = neighbours(pixel).filter(|(at, _)| removed[*at] == is_removed);
                of_kind.collect::<Vec<_>>()
            };
            unknown.iter().map(of_pixel).collect::<Vec<_>>()
        };
        let known_neighbours = of_kind(false);
        let mut unknown_neighbours = of_kind(true);
        unknown_neighbours.iter_mut().flatten().for_each(|(at, _)| *at = places[*at]);
        Self { unknown, unknown_neighbours, known_neighbours, width }
    }

    /// The values of the removed pixels of one channel, by conjugate gradients with the inverse of
    /// the diagonal as the preconditioner.
    fn solve(&self, channel: ArrayView2<'_, f32>) -> Vec<f64> {
        let mean = channel.iter().map(|&value| f64::from(value)).sum::<f64>();
        let mut x = vec![mean / channel.len().max(1) as f64; self.unknown.len()];
        let known = |&(pixel, weight): &(usize, f64)| {
            weight * f64::from(channel[[pixel / self.width, pixel % self.width]])
        };
        let right = self.known_neighbours.iter().map(|list| list.iter().map(known).sum::<f64>());
        let right: Vec<f64> = right.collect();
        let product = self.times(&x);
        let mut residual: Vec<f64> = right.iter().zip(product).map(|(b, ax)| b - ax).collect();
        let target = TOLERANCE * dot(&right, &right).sqrt();
        let mut scaled = self.preconditioned(&residual);
        let mut direction = scaled.clone();
        let mut energy = dot(&residual, &scaled);
        for _ in 0..MOST_STEPS {
            if dot(&residual, &residual).sqrt() <= target {
                break;
            }
            let product = self.times(&direction);
            let curvature = dot(&direction, &product);
            if curvature <= 0.0 {
                break;
            }
            let step = energy / curvature;
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            residual.iter_mut().zip(&product).for_each(|(r, ad)| *r -= step * ad);
            scaled = self.preconditioned(&residual);
            let next = dot(&residual, &scaled);
            direction.iter_mut().zip(&scaled).for_each(|(d, s)| *d = s + next / energy * *d);
            energy = next;
        }
        x
    }

    /// The sum of the weights of a pixel's neighbours.
    fn diagonal(&self, place: usize) -> f64 {
        let all = self.unknown_neighbours[place].iter().chain(&self.known_neighbours[place]);
        all.map(|(_, weight)| weight).sum()
    }

    fn preconditioned(&self, values: &[f64]) -> Vec<f64> {
        values.iter().enumerate().map(|(place, value)| value / self.diagonal(place)).collect()
    }

    fn times(&self, x: &[f64]) -> Vec<f64> {
        let row = |(place, neighbours): (usize, &Vec<(usize, f64)>)| {
            let sum: f64 = neighbours.iter().map(|&(at, weight)| weight * x[at]).sum();
            self.diagonal(place) * x[place] - sum
        };
        self.unknown_neighbours.iter().enumerate().map(row).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn one_removed_pixel_is_the_weighted_mean_of_its_neighbours() {
        let input = Array3::from_shape_fn((1, 3, 3), |(_, y, x)| (3 * y + x * x) as f32);
        let removed = Array2::from_shape_fn((3, 3), |pixel| pixel == (1, 1));
        let found = imputed(input.view(), removed.view())[[0, 1, 1]];
        let beside = (1.0 + 3.0 + 7.0 + 7.0) / 6.0;
        let across = (0.0 + 4.0 + 6.0 + 10.0) / 12.0;
        assert!((f64::from(found) - (beside + across)).abs() < 1e-5, "{found}");
    }

    #[test]
    fn a_plane_is_imputed_exactly_and_known_pixels_stay() {
        let plane = Array3::from_shape_fn((2, 9, 8), |(c, y, x)| (c + 2 * y + 3 * x) as f32);
        let inside = |(y, x)| (1..8).contains(&y) && (1..7).contains(&x);
        let imputed = |is_removed: &dyn Fn((usize, usize)) -> bool| {
            imputed(plane.view(), Array2::from_shape_fn((9, 8), is_removed).view())
        };
        let found = imputed(&inside);
        assert!((&found - &plane).iter().all(|error| error.abs() < 1e-3), "{found}");
        assert_eq!(imputed(&|_| false), plane);
        assert!(imputed(&|_| true).iter().all(|value| value.is_finite()));
    }
}
