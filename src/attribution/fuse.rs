use serde::{Deserialize, Serialize};

use super::Map;
use crate::render::resize_linear;

/// How the maps of several layers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fuse {
    /// Their mean.
    Mean,
    /// The largest at each position.
    Max,
    /// Their product: what is evidence at every layer.
    Product,
}

impl Fuse {
    /// One map of several. Each is scaled to 0..1 as it is drawn, and enlarged to the largest
    /// height and width. The values of different layers have different units, so they are not
    /// combined as they are.
    #[must_use]
    pub fn fused(self, maps: &[Map]) -> Map {
        let largest = |of: fn(&Map) -> usize| maps.iter().map(of).max().unwrap_or(0);
        let (height, width) =
            (largest(|map| map.values.nrows()), largest(|map| map.values.ncols()));
        let heats = maps.iter().map(|map| {
            let heat = map.heat(false, map.vmax(false, 100.0));
            resize_linear(heat.view(), width, height)
        });
        let combine = |a: f32, b: f32| match self {
            Self::Mean => a + b,
            Self::Max => a.max(b),
            Self::Product => a * b,
        };
        let values = heats.reduce(|mut all, heat| {
            all.zip_mut_with(&heat, |a, &b| *a = combine(*a, b));
            all
        });
        let mut values = values.unwrap_or_default();
        if self == Self::Mean {
            values /= maps.len().max(1) as f32;
        }
        Map { ln_scale: Some(0.0), ..Map::new(values) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn maps_are_scaled_and_enlarged_before_they_are_fused() {
        // Scaled: 0, 0.5, 1, 0 and 1, 0. The second, enlarged to 2 × 2, has two equal rows.
        let maps = [
            Map::new(array![[-3.0, 2.0], [4.0, 0.0]]),
            Map { ln_scale: Some(9.0), ..Map::new(array![[0.1, -5.0]]) },
        ];
        assert_eq!(Fuse::Mean.fused(&maps).values, array![[0.5, 0.25], [1.0, 0.0]]);
        assert_eq!(Fuse::Max.fused(&maps).values, array![[1.0, 0.5], [1.0, 0.0]]);
        assert_eq!(Fuse::Product.fused(&maps).values, array![[0.0, 0.0], [1.0, 0.0]]);
        assert_eq!(Fuse::Max.fused(&maps).ln_scale, Some(0.0));
    }

    #[test]
    fn a_map_without_heat_fuses_as_zero() {
        let maps = [Map::new(array![[-3.0, -2.0]]), Map::new(array![[1.0, 2.0]])];
        assert_eq!(Fuse::Max.fused(&maps).values, array![[0.5, 1.0]]);
        assert_eq!(Fuse::Product.fused(&maps).values, array![[0.0, 0.0]]);
    }
}
