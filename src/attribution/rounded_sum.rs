/// A sum of products of float32 values, which is zero where it cannot be told from zero.
///
/// Some sums are zero by construction. The gradients of a softmax's inputs sum to zero, for
/// instance, so Grad-CAM's weights at the keys of an attention are zero. In floating point the
/// terms cancel up to rounding, and a map of the rest would be drawn at full heat.
///
/// Each term comes from float32 values. A value that a network computes as a dot product of n
/// terms is wrong by about √n units in the last place (u = 2⁻²⁴), which is 64 for the longest
/// products of common networks (n = 4096). So a sum is wrong by up to 64u·Σ|terms|. A smaller
/// sum says nothing and counts as zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoundedSum {
    total: f64,
    /// Σ|terms|.
    magnitude: f64,
}

/// The largest rounding error of a sum, relative to the sum of the magnitudes.
const ROUNDING: f64 = 64.0 / (1 << 24) as f64;

impl RoundedSum {
    pub(super) fn add(&mut self, term: f64) {
        self.total += term;
        self.magnitude += term.abs();
    }

    /// The sum.
    pub(super) fn value(self) -> f64 {
        if self.total.abs() < ROUNDING * self.magnitude { 0.0 } else { self.total }
    }
}
