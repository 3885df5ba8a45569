use ndarray::{Array3, ArrayD, ArrayView3, ArrayViewMut3, Axis, IxDyn, Slice};

use super::attention_plan::weights;
use super::error::unexpected_shape;
use super::evaluator::not_prepared;
use super::method_plans::{PlanKey, Reduction};
use super::{
    Alter, AtInput, AttributionError, Evaluator, FullGradient, GradientPlan, InputGradient, Map,
    MethodPlans, Passes, Previews, ReferencedGradient, SharedGradients, TakeGradient, TakeLogits,
};
use crate::explain::Target;
use crate::gradient::Rules;
use crate::onnx::{Layer, Tokens};
use crate::preprocess::Preprocessing;
use crate::runtime::{Network, Values};

/// Evaluates sessions with the engine, for one picture and one layer.
#[derive(Debug)]
pub struct NetworkEvaluator<'a> {
    /// The layer that is explained. None where no method reads a layer.
    pub layer: Option<&'a Layer>,
    /// The network's input, as a layer.
    pub input: &'a Layer,
    /// How a picture becomes the input.
    pub preprocessing: &'a Preprocessing,
    /// The name of the logits.
    pub logits: &'a str,
    /// The forward values of the picture: the input, the layer, and those that `plans` read.
    pub values: &'a Values,
    /// The network.
    pub network: &'a Network,
    /// The compiled graphs that the methods need.
    pub plans: &'a MethodPlans,
    /// Runs the passes.
    pub passes: &'a Passes<'a>,
    /// The gradients that other methods read too. None where this one is alone.
    pub shared: Option<&'a SharedGradients>,
    /// Shows the map while it is computed, where someone waits for it.
    pub previews: Option<&'a Previews<'a>>,
}

impl NetworkEvaluator<'_> {
    fn layer(&self) -> Result<&Layer, AttributionError> {
        self.layer.ok_or_else(|| not_prepared("the layer"))
    }

    fn channels(&self, layer: &Layer) -> Result<ArrayView3<'_, f32>, AttributionError> {
        let value = self.values.view(&layer.value)?;
        layer.channels(value).ok_or_else(|| unexpected_shape(layer))
    }

    /// Carries `cotangent` of the logits back to `layer` by `rules`.
    fn elements(
        &self,
        layer: &Layer,
        cotangent: &[f32],
        rules: &Rules,
    ) -> Result<Array3<f32>, AttributionError> {
        let plan = self.plans.gradient(&layer.value, rules, Reduction::Elements)?;
        let compute = || {
            let inputs = plan.inputs(cotangent, self.values, &[])?;
            let gradient = plan.gradient(inputs, self.passes.token())?;
            self.passes.count(1)?;
            Ok(gradient)
        };
        match self.shared {
            Some(shared) => {
                let key = PlanKey::of(&layer.value, rules, Reduction::Elements);
                shared.elements.get_or_compute(key, cotangent, compute)
            }
            None => compute(),
        }
    }

    /// The picture's value of `layer`, altered.
    fn altered(
        &self,
        layer: &Layer,
        index: usize,
        alter: &Alter<'_>,
    ) -> Result<ArrayD<f32>, AttributionError> {
        let mut value = self.values.view(&layer.value)?.to_owned();
        let channels = layer.channels(value.view_mut()).ok_or_else(|| unexpected_shape(layer))?;
        alter(index, channels);
        Ok(value)
    }
}

impl Evaluator for NetworkEvaluator<'_> {
    fn input(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        self.channels(self.input)
    }

    fn preprocessing(&self) -> Result<&Preprocessing, AttributionError> {
        Ok(self.preprocessing)
    }

    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        self.channels(self.layer()?)
    }

    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        let (value, reduction) = (&self.layer()?.value, Reduction::ChannelSums);
        let plan = self.plans.gradient(value, Rules::GRADIENT, reduction)?;
        let compute = || {
            let sums = plan.channel_sums(cotangent, self.values, self.passes.token())?;
            self.passes.count(1)?;
            Ok(sums)
        };
        match self.shared {
            Some(shared) => {
                let key = PlanKey::of(value, Rules::GRADIENT, reduction);
                shared.sums.get_or_compute(key, cotangent, compute)
            }
            None => compute(),
        }
    }

    fn gradient(&self, cotangent: &[f32], rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.elements(self.layer()?, cotangent, rules)
    }

    fn input_gradient(
        &self,
        cotangent: &[f32],
        rules: &Rules,
    ) -> Result<Array3<f32>, AttributionError> {
        self.elements(self.input, cotangent, rules)
    }

    fn full_gradient(&self, cotangent: &[f32]) -> Result<FullGradient, AttributionError> {
        let reduction = Reduction::ElementsAndBiases;
        let plan = self.plans.gradient(&self.input.value, Rules::GRADIENT, reduction)?;
        let inputs = plan.inputs(cotangent, self.values, &[])?;
        let gradient = plan.full_gradient(inputs, self.passes.token())?;
        self.passes.count(1)?;
        Ok(gradient)
    }

    fn input_gradient_with_references(
        &self,
        cotangent: &[f32],
        rules: &Rules,
        references: &[ArrayView3<'_, f32>],
    ) -> Result<ReferencedGradient, AttributionError> {
        let plan = self.plans.gradient(&self.input.value, rules, Reduction::Elements)?;
        let forward = self.plans.references.get(rules.name);
        let forward = forward.ok_or_else(|| not_prepared("forward passes of references"))?;
        let (mut values, mut logits) = (Vec::new(), Vec::new());
        for (reference, input) in rules.references.iter().zip(references) {
            let assign = |_: usize, mut x: ArrayViewMut3<'_, f32>| x.assign(input);
            let tensor = self.altered(self.input, 0, &assign)?;
            let computed = forward.run(tensor, self.passes.token())?;
            self.passes.count(1)?;
            logits.push(computed.view(self.logits)?.iter().copied().collect());
            values.push((*reference, computed));
        }
        let inputs = plan.inputs(cotangent, self.values, &values)?;
        drop(values);
        let gradient = plan.gradient(inputs, self.passes.token())?;
        self.passes.count(1)?;
        Ok(ReferencedGradient { values: gradient, logits })
    }

    fn is_input_x_gradient(&self, rules: &Rules) -> bool {
        let plan = self.plans.gradient(&self.input.value, rules, Reduction::Elements);
        plan.is_ok_and(GradientPlan::is_input_x_gradient)
    }

    fn input_gradients(
        &self,
        rules: &Rules,
        count: usize,
        alter: &Alter<'_>,
        target: &Target,
        take: &mut TakeGradient<'_>,
    ) -> Result<(), AttributionError> {
        let (forward, backward) = self.plans.altered.get(rules.name).ok_or_else(|| {
            not_prepared(&format!("gradients at altered inputs by the rules {:?}", rules.name))
        })?;
        let token = self.passes.token();
        let pass = |index: usize| {
            let values = forward.run(self.altered(self.input, index, alter)?, token)?;
            let logits: Vec<f32> = values.view(self.logits)?.iter().copied().collect();
            let seed = target.seed(&logits)?;
            let inputs = backward.inputs(&seed.cotangent, &values, &[])?;
            drop(values);
            let gradient = backward.gradient(inputs, token)?;
            Ok((target.score(&logits)?, seed.scale, gradient))
        };
        self.passes.run(count, pass, |index, (score, scale, gradient)| {
            take(index, InputGradient { score, scale, values: gradient.view() });
            self.passes.count(2)
        })
    }

    fn at_inputs(
        &self,
        count: usize,
        alter: &Alter<'_>,
        each: &mut AtInput<'_>,
    ) -> Result<(), AttributionError> {
        let forward = self.plans.whole.as_ref();
        let forward = forward.ok_or_else(|| not_prepared("evaluators of altered inputs"))?;
        for index in 0..count {
            let tensor = self.altered(self.input, index, alter)?;
            let values = forward.run(tensor, self.passes.token())?;
            self.passes.count(1)?;
            let logits: Vec<f32> = values.view(self.logits)?.iter().copied().collect();
            // A map of an altered input is no preview, and other methods have other inputs.
            let (values, shared, previews) = (&values, None, None);
            each(&NetworkEvaluator { values, shared, previews, ..*self }, &logits)?;
        }
        Ok(())
    }

    fn tokens(&self) -> Result<Tokens, AttributionError> {
        let first = self.plans.attentions.first();
        Ok(first.ok_or_else(|| not_prepared("the attentions"))?.keys)
    }

    fn attentions(&self) -> Result<Vec<ArrayView3<'_, f32>>, AttributionError> {
        let attentions = self.plans.attentions.iter();
        attentions.map(|attention| weights(attention, self.values)).collect()
    }

    fn attention_gradients(&self, cotangent: &[f32]) -> Result<Vec<Array3<f32>>, AttributionError> {
        let plan = self.plans.attention_gradient.as_ref();
        let plan = plan.ok_or_else(|| not_prepared("the gradients of attentions"))?;
        let gradients = plan.run(cotangent, self.values, self.passes.token())?;
        self.passes.count(1)?;
        Ok(gradients)
    }

    fn block_gradients(&self, cotangent: &[f32]) -> Result<Vec<Array3<f32>>, AttributionError> {
        let plans = self.plans.block_gradients.as_ref();
        let plans = plans.ok_or_else(|| not_prepared("the gradients of blocks"))?;
        let gradients = plans.run(cotangent, self.network, self.values, self.passes.token())?;
        self.passes.count(1)?;
        Ok(gradients)
    }

    fn preview(&self, map: &dyn Fn() -> Result<Map, AttributionError>) {
        if let Some(previews) = self.previews {
            previews.offer(map);
        }
    }

    fn each_logits(
        &self,
        count: usize,
        alter: &Alter<'_>,
        take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        let forward = self.plans.scores.as_ref();
        let forward = forward.ok_or_else(|| not_prepared("scores of altered inputs"))?;
        let pass = |index: usize| {
            let tensor = self.altered(self.input, index, alter)?;
            let values = forward.run(tensor, self.passes.token())?;
            Ok(values.view(self.logits)?.iter().copied().collect::<Vec<f32>>())
        };
        self.passes.run(count, pass, |index, logits| {
            self.passes.count(1)?;
            take(index, &logits)
        })
    }

    fn each_logits_from_layer(
        &self,
        count: usize,
        alter: &Alter<'_>,
        take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        let layer = self.layer()?;
        let tail = self.plans.tails.get(&layer.value);
        let tail = tail.ok_or_else(|| not_prepared("scores from the layer on"))?;
        let (token, size) = (self.passes.token(), tail.rows());
        let others = tail.repeated(self.values)?;
        let value = self.values.view(&layer.value)?;
        // Several values are stacked along the batch. A value with tokens along its first axis
        // has a tail of one row.
        let (mut shape, first) = (value.shape().to_vec(), value.shape()[0]);
        shape[0] = first * size;
        let pass = |batch: usize| {
            let mut stacked = ArrayD::zeros(IxDyn(&shape));
            for row in 0..size.min(count - batch * size) {
                let rows = Slice::from(row * first..(row + 1) * first);
                let mut copy = stacked.slice_axis_mut(Axis(0), rows);
                copy.assign(&value);
                let channels = layer.channels(copy).ok_or_else(|| unexpected_shape(layer))?;
                alter(batch * size + row, channels);
            }
            Ok(tail.run(stacked, &others, token)?)
        };
        self.passes.run(count.div_ceil(size), pass, |batch, logits| {
            let wanted = size.min(count - batch * size);
            self.passes.count(wanted as u64)?;
            for (row, logits) in logits.outer_iter().take(wanted).enumerate() {
                take(batch * size + row, &logits.to_vec())?;
            }
            Ok(())
        })
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
    use crate::onnx::{Attentions, Grids, Head, Kind, LayerNames, Topology, layers};
    use crate::runtime::{
        CancellationToken, Engine, ForwardOutputs, Graph, Network, OutputSet, Source,
    };

    /// The bundled convnet, its explainer, and its second convolution.
    fn convnet() -> (Arc<Network>, Explainer, Layer) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
        let source = Source::open(&folder).unwrap();
        let model = source.read().unwrap();
        let topology = Topology::of(&model).unwrap();
        let input = model.inputs()[0].name.clone();
        let graph = Graph::read(&model, &[vec![1, 150, 150, 3]]).unwrap();
        let facts = Arc::new(graph.facts());
        let logits = Head::of(&model, &topology).logits;
        let grids = Grids::of(&model, &topology, &facts, Layout::Nhwc, &logits);
        let names = LayerNames::of(&model, &topology);
        let layers = layers(&model, &topology, &names, &grids, &facts);
        let layer = layers.iter().find(|layer| layer.value == "conv2d_2").unwrap().clone();
        let explainability =
            Explainability::find(&source, &model, &facts, &layers, &logits).unwrap();
        let outputs = ForwardOutputs {
            scores: vec![logits.clone()],
            layers: layers.iter().map(|layer| layer.value.clone()).collect(),
        };
        let (engine, weights) = (Engine::default(), graph.weights(&model));
        let network = Network::compile("", model, graph, weights, facts, &input, &outputs, &engine);
        let network = Arc::new(network.unwrap());
        let (kind, shape) = (Kind::Value, vec![1, 150, 150, 3]);
        let grid = Some(Layout::Nhwc.into());
        let input = Layer {
            value: input,
            module: None,
            kind,
            shape,
            grid,
            only_prefix_is_read: false,
            parameters: 0,
        };
        let explainer = Explainer::new(
            Arc::clone(&network),
            input,
            &logits,
            explainability,
            Attentions::default(),
        );
        (network, explainer, layer)
    }

    #[test]
    fn every_set_of_rules_has_its_own_plan_and_what_was_not_prepared_is_refused() {
        let (network, explainer, layer) = convnet();
        let token = CancellationToken::never();
        let picture = ArrayD::from_shape_fn(vec![1, 150, 150, 3], |i| (i[1] % 7) as f32 / 7.0);
        let values = network.forward(picture, OutputSet::Layers, &token).unwrap();
        let gradient = |needs: &[Need], rules: &Rules| {
            let plans =
                explainer.prepare(std::slice::from_ref(&layer), needs.iter(), &token).unwrap();
            let residuals: Vec<String> = plans.residuals().cloned().collect();
            let values = network.complete(&values, &residuals, &token).unwrap();
            let evaluator = NetworkEvaluator {
                layer: Some(&layer),
                input: explainer.input(),
                preprocessing: &Preprocessing::default(),
                logits: "",
                values: &values,
                network: &network,
                plans: &plans,
                passes: &Passes::new(network.engine(), &token),
                shared: None,
                previews: None,
            };
            evaluator.gradient(&[1.0], rules)
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
