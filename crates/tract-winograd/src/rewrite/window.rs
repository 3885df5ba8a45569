use tract_core::ops::cnn::PoolSpec;

use crate::window::Window;

/// The window of `spec` over pictures whose last two axes are height and width, and the sizes of
/// such an input and of what comes out. `None` where there are other axes, where nothing comes out,
/// and where the window reaches beyond its padding, as ceiling mode has it.
pub(super) fn window(spec: &PoolSpec, shape: &[usize]) -> Option<(Window, [[usize; 2]; 2])> {
    if spec.data_format.c_is_last() || spec.kernel_shape.len() != 2 {
        return None;
    }
    let input = *shape.last_chunk::<2>()?;
    let padding = spec.computed_padding(&input);
    let window = Window {
        kernel: [0, 1].map(|axis| spec.kernel_shape[axis]),
        stride: [0, 1].map(|axis| spec.stride(axis)),
        dilation: [0, 1].map(|axis| spec.dilation(axis)),
        before: [0, 1].map(|axis| padding[axis].pad_before),
        after: [0, 1].map(|axis| padding[axis].pad_after),
    };
    let output = [0, 1].map(|axis| padding[axis].convoluted);
    let regular = window.output(input) == Some(output) && !output.contains(&0);
    regular.then_some((window, [input, output]))
}
