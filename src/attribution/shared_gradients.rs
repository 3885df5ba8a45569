//! Gradients that several methods of one request read.

use std::sync::{Mutex, PoisonError};

use ndarray::Array3;

use super::AttributionError;
use super::method_plans::PlanKey;

/// The gradients of one class of one picture, so that methods that read the same one share its
/// backward pass.
#[derive(Debug, Default)]
pub struct SharedGradients {
    pub(super) sums: Kept<Vec<f64>>,
    pub(super) elements: Kept<Array3<f32>>,
}

impl SharedGradients {
    /// Drops the gradients of every value but `value`.
    pub fn keep_only(&self, value: &str) {
        self.sums.keep_only(value);
        self.elements.keep_only(value);
    }
}

/// Gradients, with the graph and the cotangent of the logits that gave them.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Vec<(PlanKey, Vec<f32>, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// The gradient that was kept, else what `compute` gives, which is kept.
    pub(super) fn get_or_compute(
        &self,
        key: PlanKey,
        cotangent: &[f32],
        compute: impl FnOnce() -> Result<T, AttributionError>,
    ) -> Result<T, AttributionError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., gradient)) = kept.iter().find(|(k, c, _)| *k == key && *c == cotangent) {
            return Ok(gradient.clone());
        }
        let gradient = compute()?;
        kept.push((key, cotangent.to_vec(), gradient.clone()));
        Ok(gradient)
    }

    fn keep_only(&self, value: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(key, ..)| key.value == value);
    }
}
