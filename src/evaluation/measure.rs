use serde::Serialize;

/// What a figure says of one map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// The figure. None where it is not defined for this map, such as one that is zero everywhere.
    pub value: Option<f64>,
    /// The curve of which the value is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// A second curve, where the value compares two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_curve: Option<Curve>,
}

/// Points from left to right: x, from 0 to 1, and y.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Curve {
    /// The points.
    pub points: Vec<[f64; 2]>,
}

impl Measure {
    /// A number without a curve. One that is not finite is not defined.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self { value: Some(value).filter(|value| value.is_finite()), ..Self::undefined() }
    }

    /// Not defined for this map.
    #[must_use]
    pub fn undefined() -> Self {
        Self { value: None, curve: None, other_curve: None }
    }

    /// The area under a curve, with the curve.
    #[must_use]
    pub fn area_under(curve: Curve) -> Self {
        Self { curve: Some(curve.clone()), ..Self::of(curve.area()) }
    }
}

impl Curve {
    /// The area under the curve by the trapezoidal rule.
    #[must_use]
    pub fn area(&self) -> f64 {
        let trapezoid = |pair: &[[f64; 2]]| match pair {
            [[x, y], [next, height]] => (next - x) * (y + height) / 2.0,
            _ => 0.0,
        };
        self.points.windows(2).map(trapezoid).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_that_of_trapezoids() {
        let curve = Curve { points: vec![[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]] };
        assert!((curve.area() - 0.5).abs() < 1e-12);
        assert_eq!(Measure::of(f64::NAN).value, None);
    }
}
