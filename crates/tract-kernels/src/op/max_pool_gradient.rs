use std::sync::Arc;

use tract_core::internal::*;

use crate::buffer_pool::BufferPool;
use crate::thread_pool::{current_threads, parallel_chunks};

/// The cotangent of a max-pool's input x: each window's cotangent goes to the first of the window's
/// maxima, in the order of rows. Its inputs are x and the cotangent of the pool's output, float32.
/// The last two axes are height and width. The windows' size follows from the shapes, so the
/// padding after the image is not needed.
#[derive(Debug, Clone)]
pub struct MaxPoolGradient {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// The steps of the window.
    pub stride: [usize; 2],
    /// The steps from one element of the window to the next.
    pub dilation: [usize; 2],
    /// The padding above and to the left of the image.
    pub pad_before: [usize; 2],
    pub(crate) buffers: Arc<BufferPool>,
}

impl MaxPoolGradient {
    /// That of a pool with this window.
    #[must_use]
    pub fn new(
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        pad_before: [usize; 2],
    ) -> Self {
        Self { kernel, stride, dilation, pad_before, buffers: Arc::default() }
    }

    /// One channel. `x` has the size `input`, `cotangent` the size `pooled`.
    fn channel(
        &self,
        x: &[f32],
        cotangent: &[f32],
        [input, pooled]: [[usize; 2]; 2],
        output: &mut [f32],
    ) {
        let is_2x2 = self.kernel == [2; 2] && self.stride == [2; 2] && self.dilation == [1; 2];
        if is_2x2 && self.pad_before == [0; 2] && [0, 1].map(|a| input[a] / 2) == pooled {
            return channel_2x2(x, cotangent, input[1], output);
        }
        output.fill(0.0);
        for (row, cotangent) in cotangent.chunks_exact(pooled[1]).enumerate() {
            for (column, &g) in cotangent.iter().enumerate() {
                if let Some(at) = self.first_maximum(x, input, [row, column]) {
                    output[at] += g;
                }
            }
        }
    }

    /// Where the first maximum is in the window of the output at `position`. None where the window
    /// has nothing but padding.
    fn first_maximum(&self, x: &[f32], input: [usize; 2], position: [usize; 2]) -> Option<usize> {
        let place = |axis: usize, tap: usize| {
            let padded = position[axis] * self.stride[axis] + tap * self.dilation[axis];
            padded.checked_sub(self.pad_before[axis]).filter(|&at| at < input[axis])
        };
        let mut first: Option<usize> = None;
        for y in (0..self.kernel[0]).filter_map(|tap| place(0, tap)) {
            for at in (0..self.kernel[1]).filter_map(|tap| place(1, tap)) {
                let at = y * input[1] + at;
                if first.is_none_or(|first| x[at] > x[first]) {
                    first = Some(at);
                }
            }
        }
        first
    }
}

/// 2×2 windows that touch each other. A last odd row or column is in no window.
fn channel_2x2(x: &[f32], cotangent: &[f32], width: usize, output: &mut [f32]) {
    let pooled = width / 2;
    let rows = x.chunks(2 * width).zip(output.chunks_mut(2 * width));
    for (row, (x, output)) in rows.enumerate() {
        if x.len() < 2 * width {
            output.fill(0.0);
            continue;
        }
        let ((upper, lower), (out_upper, out_lower)) =
            (x.split_at(width), output.split_at_mut(width));
        let windows = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        let (to_upper, odd_upper) = out_upper.as_chunks_mut::<2>();
        let (to_lower, odd_lower) = out_lower.as_chunks_mut::<2>();
        let to = to_upper.iter_mut().zip(to_lower);
        let cotangent = &cotangent[row * pooled..][..pooled];
        for ((&g, (&[a, b], &[c, d])), (upper, lower)) in cotangent.iter().zip(windows).zip(to) {
            let greatest = a.max(b).max(c.max(d));
            let at_a = a == greatest;
            let at_b = !at_a & (b == greatest);
            let at_c = !(at_a | at_b) & (c == greatest);
            let at_d = !(at_a | at_b | at_c) & (d == greatest);
            let pick = |is_maximum: bool| if is_maximum { g } else { 0.0 };
            *upper = [pick(at_a), pick(at_b)];
            *lower = [pick(at_c), pick(at_d)];
        }
        odd_upper.fill(0.0);
        odd_lower.fill(0.0);
    }
}

impl PartialEq for MaxPoolGradient {
    fn eq(&self, other: &Self) -> bool {
        let window = |op: &Self| (op.kernel, op.stride, op.dilation, op.pad_before);
        window(self) == window(other)
    }
}

impl Eq for MaxPoolGradient {}

impl Op for MaxPoolGradient {
    fn name(&self) -> StaticName {
        "MaxPoolGradient".into()
    }

    op_as_typed_op!();
}

impl EvalOp for MaxPoolGradient {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (shape, pooled_shape) = (inputs[0].shape(), inputs[1].shape());
        let parts = shape.split_last_chunk::<2>().zip(pooled_shape.split_last_chunk::<2>());
        let Some(((channels, input), (pooled_channels, pooled))) = parts else {
            bail!("{shape:?} and {pooled_shape:?} have no height and width");
        };
        ensure!(channels == pooled_channels, "{shape:?} and {pooled_shape:?} do not fit");
        let ([height, width], [rows, columns]) = (*input, *pooled);
        let sizes = [[height, width], [rows, columns]];
        let (x, cotangent) = (inputs[0].try_as_plain_ram()?, inputs[1].try_as_plain_ram()?);
        let (x, cotangent) = (x.as_slice::<f32>()?, cotangent.as_slice::<f32>()?);
        // SAFETY: every element is written below, before it is read.
        let mut output = unsafe { self.buffers.alloc(shape)? };
        let (area, pooled_area) = (height * width, rows * columns);
        ensure!(area > 0 && pooled_area > 0, "{shape:?} and {pooled_shape:?} are empty");
        let count = x.len() / area;
        let each = count.div_ceil(8 * current_threads());
        let mut view = output.try_as_plain_ram_mut()?;
        parallel_chunks(view.as_slice_mut::<f32>()?, each * area, |index, output| {
            for (channel, output) in output.chunks_exact_mut(area).enumerate() {
                let channel = index * each + channel;
                let (x, cotangent) = (&x[channel * area..], &cotangent[channel * pooled_area..]);
                self.channel(&x[..area], &cotangent[..pooled_area], sizes, output);
            }
        });
        Ok(tvec![self.buffers.track(output)])
    }

    op_out_of_plan!();
}

impl TypedOp for MaxPoolGradient {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![f32::fact(inputs[0].shape.clone())])
    }

    as_op!();
}
