/// How a kernel moves over an image. Pairs are height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Zeros above and to the left.
    pub(crate) before: [usize; 2],
    /// Zeros below and to the right.
    pub(crate) after: [usize; 2],
}

impl Window {
    /// The size of what comes out for an image of `input`; `None` where the kernel does not fit.
    pub(crate) fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let length = |axis: usize| {
            let span = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            self.padded(input)[axis].checked_sub(span).map(|room| room / self.stride[axis] + 1)
        };
        Some([length(0)?, length(1)?])
    }

    /// The size of an image of `input` with the zeros around it.
    pub(crate) fn padded(&self, input: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| input[axis] + self.before[axis] + self.after[axis])
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether every output reads the input at its own place alone.
    pub(crate) fn is_pointwise(&self) -> bool {
        *self == Self { kernel: [1; 2], dilation: self.dilation, ..Self::sliding([1; 2], [0; 2]) }
    }

    /// A kernel that moves one step at a time, with the same padding on both sides.
    pub(crate) const fn sliding(kernel: [usize; 2], padding: [usize; 2]) -> Self {
        Self { kernel, stride: [1; 2], dilation: [1; 2], before: padding, after: padding }
    }
}

/// Copies every `stride`-th element of `from`, as many as `to` holds.
#[inline(always)]
pub(crate) fn copy_every(stride: usize, from: &[f32], to: &mut [f32]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        // With the stride in sight of the compiler, these are shuffles.
        2 => to.iter_mut().zip(from.iter().step_by(2)).for_each(|(to, from)| *to = *from),
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
    }
}
