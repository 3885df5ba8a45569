//! Windows, and the sizes of the images that they move over. Pairs are height, width.

/// How a kernel moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Zeros above and to the left.
    pub(crate) pad_before: [usize; 2],
    /// Zeros below and to the right.
    pub(crate) pad_after: [usize; 2],
}

impl Window {
    /// A window of stride 1 and dilation 1, with the same padding on both sides.
    pub(crate) const fn unit_stride(kernel: [usize; 2], padding: [usize; 2]) -> Self {
        let [stride, dilation] = [[1; 2]; 2];
        Self { kernel, stride, dilation, pad_before: padding, pad_after: padding }
    }

    /// The size of the output for an image of size `input`; `None` where the kernel does not fit.
    pub(crate) fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let length = |axis: usize| {
            let span = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            self.padded(input)[axis].checked_sub(span).map(|room| room / self.stride[axis] + 1)
        };
        Some([length(0)?, length(1)?])
    }

    /// The size of an image of size `input` with its padding.
    pub(crate) fn padded(&self, input: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| input[axis] + self.pad_before[axis] + self.pad_after[axis])
    }

    /// The number of elements of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether every output reads one pixel, the one at its own position.
    pub(crate) fn is_pointwise(&self) -> bool {
        *self
            == Self { kernel: [1; 2], dilation: self.dilation, ..Self::unit_stride([1; 2], [0; 2]) }
    }
}

/// A window, and the sizes of its input and output images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) window: Window,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

impl Geometry {
    /// Pixels of one input channel.
    pub(crate) fn input_area(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Pixels of one output channel.
    pub(crate) fn output_area(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// The size of the input with its padding.
    pub(crate) fn padded(&self) -> [usize; 2] {
        self.window.padded(self.input)
    }
}

/// Copies every `stride`-th element of `from`, as many as `to` holds.
#[inline(always)]
pub(crate) fn copy_strided(stride: usize, from: &[f32], to: &mut [f32]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        // The compiler turns a stride that it knows into shuffles.
        2 => to.iter_mut().zip(from.iter().step_by(2)).for_each(|(to, from)| *to = *from),
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
    }
}
