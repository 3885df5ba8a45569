use ndarray::{Array3, ArrayView3};

use super::error::unexpected_shape;
use super::{AttributionError, Evaluator, GradientPlan};
use crate::gradient::Rules;
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, Values};

/// Evaluates sessions with the engine, for one picture and one layer.
#[derive(Debug)]
pub struct NetworkEvaluator<'a> {
    /// The layer that is explained.
    pub layer: &'a Layer,
    /// The forward values of the picture: the layer's, and those that `plan` reads.
    pub values: &'a Values,
    /// The gradient graph that the method needs.
    pub plan: Option<&'a GradientPlan>,
    /// Stops the computation.
    pub token: &'a CancellationToken,
}

impl NetworkEvaluator<'_> {
    fn plan(&self, rules: &str) -> Result<&GradientPlan, AttributionError> {
        self.plan.ok_or_else(|| AttributionError::NotPrepared {
            layer: self.layer.name.clone(),
            rules: rules.to_owned(),
        })
    }
}

impl Evaluator for NetworkEvaluator<'_> {
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        let value = self.values.view(&self.layer.name)?;
        self.layer.channels(value).ok_or_else(|| unexpected_shape(self.layer))
    }

    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        let plan = self.plan(Rules::GRADIENT.name)?;
        plan.channel_sums(cotangent, self.values, self.token)
    }

    fn gradient(&self, cotangent: &[f32], rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.plan(rules.name)?.gradient(cotangent, self.values, self.token)
    }
}
