//! Channel statistics, levels and seeds, against numpy, matplotlib and closed forms.

mod levels;
mod seed;

use convscope::explain::ChannelStatistics;
use ndarray::{Array2, Array3};

use crate::preprocess::array;

pub(crate) fn cube(name: &str) -> Array3<f32> {
    let (shape, values) = array(name);
    Array3::from_shape_vec((shape[0], shape[1], shape[2]), values).unwrap()
}

pub(crate) fn map(name: &str) -> Array2<f32> {
    let (shape, values) = array(name);
    Array2::from_shape_vec((shape[0], shape[1]), values).unwrap()
}

/// The same values as channels × height × width, but stored as height × width × channels.
pub(crate) fn stored_last(layer: &Array3<f32>) -> Array3<f32> {
    let last = layer.view().permuted_axes([1, 2, 0]).as_standard_layout().into_owned();
    last.permuted_axes([2, 0, 1])
}

fn close(found: &ChannelStatistics, expected: &serde_json::Value) -> bool {
    let near = |found: f64, name: &str| {
        let expected = expected[name].as_f64().unwrap();
        (found - expected).abs() <= 1e-6 * expected.abs().max(1e-6)
    };
    near(found.mean, "mean")
        && (found.dead || near(found.std, "std"))
        && near(f64::from(found.min), "min")
        && near(f64::from(found.max), "max")
}
