use ndarray::{Array3, ArrayView3};

use super::error::unexpected_shape;
use super::gradient_plans::Reduction;
use super::{AttributionError, Evaluator, GradientPlans};
use crate::gradient::Rules;
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, Values};

/// Evaluates sessions with the engine, for one picture and one layer.
#[derive(Debug)]
pub struct NetworkEvaluator<'a> {
    /// The layer that is explained.
    pub layer: &'a Layer,
    /// The forward values of the picture: the layer's, and those that `plans` read.
    pub values: &'a Values,
    /// The gradient graphs that the methods need.
    pub plans: &'a GradientPlans,
    /// Stops the computation.
    pub token: &'a CancellationToken,
}

impl Evaluator for NetworkEvaluator<'_> {
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        let value = self.values.view(&self.layer.name)?;
        self.layer.channels(value).ok_or_else(|| unexpected_shape(self.layer))
    }

    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        let plan = self.plans.get(&self.layer.name, Rules::GRADIENT, Reduction::ChannelSums)?;
        plan.channel_sums(cotangent, self.values, self.token)
    }

    fn gradient(&self, cotangent: &[f32], rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        let plan = self.plans.get(&self.layer.name, rules, Reduction::Elements)?;
        plan.gradient(cotangent, self.values, self.token)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use ndarray::ArrayD;

    use super::*;
    use crate::attribution::{Explainability, Explainer, Need};
    use crate::config::Layout;
    use crate::onnx::{Head, Layouts, Topology, layers};
    use crate::runtime::{Engine, ForwardOutputs, Graph, Network, OutputSet, Source};

    /// The bundled convnet, its explainer, and its second convolution.
    fn convnet() -> (Arc<Network>, Explainer, Layer) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
        let source = Source::open(&folder).unwrap();
        let model = source.read().unwrap();
        let topology = Topology::of(&model).unwrap();
        let input = model.inputs()[0].name.clone();
        let graph = Graph::read(&model, source.directory(), &[vec![1, 150, 150, 3]]).unwrap();
        let facts = Arc::new(graph.facts());
        let layouts = Layouts::of(&model, &topology, &facts, Layout::Nhwc);
        let layers = layers(&model, &topology, &layouts, &facts);
        let layer = layers.iter().find(|layer| layer.name == "conv2d_2").unwrap().clone();
        let logits = Head::of(&model, &topology).logits;
        let explainability =
            Explainability::find(&source, &model, &facts, &layers, &logits).unwrap();
        let outputs = ForwardOutputs {
            scores: vec![logits.clone()],
            layers: layers.iter().map(|layer| layer.name.clone()).collect(),
        };
        let engine = Engine::default();
        let network = Network::compile(source, model, graph, facts, &input, &outputs, &engine);
        let network = Arc::new(network.unwrap());
        let explainer = Explainer::new(Arc::clone(&network), &logits, explainability, 1 << 30);
        (network, explainer, layer)
    }

    #[test]
    fn every_set_of_rules_has_its_own_plan_and_what_was_not_prepared_is_refused() {
        let (network, explainer, layer) = convnet();
        let token = CancellationToken::never();
        let picture = ArrayD::from_shape_fn(vec![1, 150, 150, 3], |i| (i[1] % 7) as f32 / 7.0);
        let values = network.forward(picture, OutputSet::Layers, &token).unwrap();
        let gradient = |needs: &[Need], rules: &Rules| {
            let plans = explainer.plans(&layer, needs.iter(), &token).unwrap();
            let residuals: Vec<String> = plans.residuals().cloned().collect();
            let values = network.complete(&values, &residuals, &token).unwrap();
            let (layer, token) = (&layer, &token);
            NetworkEvaluator { layer, values: &values, plans: &plans, token }
                .gradient(&[1.0], rules)
        };
        let both = [Need::Gradient(Rules::GRADIENT), Need::Gradient(Rules::POSITIVE)];
        let plain = gradient(&both, Rules::GRADIENT).unwrap();
        let positive = gradient(&both, Rules::POSITIVE).unwrap();
        assert!(plain.iter().any(|&g| g < 0.0));
        assert_ne!(plain, positive);
        assert_eq!(gradient(&both[..1], Rules::GRADIENT).unwrap(), plain);
        assert_eq!(gradient(&both[1..], Rules::POSITIVE).unwrap(), positive);
        for (needs, rules) in [(&both[..1], Rules::POSITIVE), (&both[1..], Rules::GRADIENT)] {
            let error = gradient(needs, rules).unwrap_err().to_string();
            assert!(error.contains(rules.name) && error.contains("conv2d_2"), "{error}");
        }
        let sums = gradient(&[Need::ChannelSums], Rules::GRADIENT).unwrap_err().to_string();
        assert!(sums.contains("was not prepared"), "{sums}");
    }
}
