//! Gauss–Legendre quadrature.

use std::f64::consts::PI;

/// The points and weights of the Gauss–Legendre rule of `count` points on \[0, 1\], in ascending
/// order. The rule is exact for polynomials of degree 2·count − 1.
///
/// The points are the roots of the Legendre polynomial P of degree `count`, found by Newton's
/// method; the weights are 2/((1 − x²)·P′(x)²), both scaled from \[−1, 1\].
pub(super) fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    let point = |index: usize| {
        let mut x = (PI * (index as f64 + 0.75) / (n + 0.5)).cos();
        let mut derivative = 1.0;
        // Newton's method doubles the number of correct digits each time.
        for _ in 0..8 {
            let (value, slope) = legendre(count, x);
            derivative = slope;
            x -= value / slope;
        }
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * derivative * derivative))
    };
    (0..count).map(point).collect()
}

/// The Legendre polynomial of this degree and its derivative at x, by the three-term recurrence.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 1..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    let n = degree as f64;
    (value, n * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_up_to_twice_the_points_are_integrated_exactly() {
        for count in [1, 2, 3, 10, 50, 333] {
            let rule = gauss_legendre(count);
            assert!(rule.is_sorted_by(|a, b| a.0 < b.0), "{count}");
            for degree in [0, 1, count as i32, 2 * count as i32 - 1] {
                let integral: f64 = rule.iter().map(|(x, w)| w * x.powi(degree)).sum();
                let expected = 1.0 / f64::from(degree + 1);
                assert!((integral - expected).abs() < 1e-13, "{count} points, degree {degree}");
            }
        }
    }

    #[test]
    fn the_rule_of_two_points_is_the_known_one() {
        let rule = gauss_legendre(2);
        let offset = 0.5 / 3f64.sqrt();
        assert!((rule[0].0 - (0.5 - offset)).abs() < 1e-15 && (rule[0].1 - 0.5).abs() < 1e-15);
    }
}
