//! Denominators that are never 0, as in Zennit.

use crate::onnx::Value;

/// The magnitude that is added.
const EPSILON: f32 = 1e-6;

/// Far below every number that [`EPSILON`] does not outweigh.
const TINY: f32 = 1e-30;

/// x + ε·sign(x), where sign(0) is 1.
pub(super) fn stabilized(x: &Value) -> Value {
    x + (x + TINY).sign() * EPSILON
}

/// [`stabilized`], for x ≥ 0.
pub(super) fn stabilized_above_0(x: &Value) -> Value {
    x + EPSILON
}

/// [`stabilized`], for x ≤ 0, where sign(0) is −1.
pub(super) fn stabilized_below_0(x: &Value) -> Value {
    x - EPSILON
}
