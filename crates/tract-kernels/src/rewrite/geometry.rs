use tract_core::ops::cnn::PoolSpec;

use crate::geometry::{Geometry, Window};

/// The geometry of `spec` for an input of `shape`, whose last two axes are height and width.
///
/// `None` where the images have other axes, where the output is empty, and where the window reaches
/// beyond its padding, as in ceiling mode.
pub(super) fn geometry(spec: &PoolSpec, shape: &[usize]) -> Option<Geometry> {
    if spec.data_format.c_is_last() || spec.kernel_shape.len() != 2 {
        return None;
    }
    let input = *shape.last_chunk::<2>()?;
    let padding = spec.computed_padding(&input);
    let window = Window {
        kernel: [0, 1].map(|axis| spec.kernel_shape[axis]),
        stride: [0, 1].map(|axis| spec.stride(axis)),
        dilation: [0, 1].map(|axis| spec.dilation(axis)),
        pad_before: [0, 1].map(|axis| padding[axis].pad_before),
        pad_after: [0, 1].map(|axis| padding[axis].pad_after),
    };
    let output = [0, 1].map(|axis| padding[axis].convoluted);
    let is_regular = window.output(input) == Some(output) && !output.contains(&0);
    is_regular.then_some(Geometry { window, input, output })
}
