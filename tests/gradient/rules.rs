//! The sets of backward rules on small networks, against their formulas in float64.

use std::collections::HashMap;

use convscope::gradient::rules::{
    DECONVNET, DEEPLIFT, GUIDED_BACKPROP, LRP_EPSILON, LRP_EPSILON_ALPHA2_BETA1,
    LRP_EPSILON_GAMMA_BOX, LRP_EPSILON_PLUS, LRP_EPSILON_PLUS_FLAT,
};
use convscope::gradient::{GradientError, Reference, Rules, derive};
use convscope::onnx::{Attribute, Builder, Element, Model, Value};
use convscope::runtime::{CancellationToken, Engine, Graph, Values, tensor_input};
use ndarray::{ArrayD, IxDyn};

/// A network of one input.
struct Network {
    model: Model,
    shape: Vec<usize>,
}

impl Network {
    fn of(shape: &[usize], write: impl Fn(&Value) -> Value) -> Self {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, shape);
        builder.output("y", &write(&x));
        Self { model: builder.finish("network").unwrap(), shape: shape.to_vec() }
    }

    fn tensor(&self, values: &[f32]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(IxDyn(&self.shape), values.to_vec()).unwrap()
    }

    /// The values called `names` for the input `x`.
    fn values(&self, x: &[f32], names: &[String]) -> Values {
        let computed: Vec<String> = names.iter().filter(|name| *name != "x").cloned().collect();
        let x = tensor_input(self.tensor(x));
        let mut values = Values::default();
        if !computed.is_empty() {
            let graph = Graph::read(&self.model, std::slice::from_ref(&self.shape)).unwrap();
            let plan = graph.compile(&computed, &Engine::default()).unwrap();
            values = plan.run(vec![x.clone()], &CancellationToken::never()).unwrap();
        }
        values.insert("x", x);
        values
    }

    fn output(&self, x: &[f32]) -> Vec<f64> {
        let values = self.values(x, &["y".to_owned()]);
        values.view("y").unwrap().iter().map(|&value| f64::from(value)).collect()
    }

    /// What `rules` carry back from the output to the input.
    fn carry(
        &self,
        rules: &Rules,
        x: &[f32],
        seed: &[f32],
        references: &[(Reference, &[f32])],
    ) -> Result<Vec<f64>, GradientError> {
        let graph = Graph::read(&self.model, std::slice::from_ref(&self.shape)).unwrap();
        let facts = graph.facts();
        let derived = derive(&self.model, &facts, &["x"], "y", rules)?;
        let tensors = self.model.tensors(&derived.weights(|_| false));
        let gradient = derived.embed(tensors, |_| false)?;
        let output = facts.shape("y").unwrap();
        let seed = ArrayD::from_shape_vec(IxDyn(output), seed.to_vec()).unwrap();
        let mut inputs = vec![tensor_input(seed)];
        let values = self.values(x, &gradient.residuals);
        inputs.extend(gradient.residuals.iter().map(|name| values.handle(name).unwrap()));
        for (at, name) in &gradient.references {
            let (_, x) = references.iter().find(|(known, _)| known == at).unwrap();
            inputs.push(self.values(x, std::slice::from_ref(name)).handle(name).unwrap());
        }
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|value| value.shape().to_vec()).collect();
        let outputs = ["grad/x".to_owned()];
        let plan = Graph::read(&gradient.model, &shapes).unwrap();
        let plan = plan.compile(&outputs, &Engine::default()).unwrap();
        let carried = plan.run(inputs, &CancellationToken::never()).unwrap();
        Ok(carried.view("grad/x").unwrap().iter().map(|&value| f64::from(value)).collect())
    }
}

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    let scale = expected.iter().fold(1e-6f64, |largest, value| largest.max(value.abs()));
    let differs = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-5 * scale;
    let is_wrong = found.len() != expected.len() || found.iter().zip(expected).any(differs);
    assert!(!is_wrong, "{what}: {found:?}, not {expected:?}");
}

#[test]
fn relus_pass_what_the_rules_say() {
    let x = [-1.0, 2.0, 3.0, 7.0, -1.0, 4.0];
    let seed = [1.0, -1.0, 2.0, 3.0, -2.0, 0.5];
    let relu = Network::of(&[1, 6], Value::relu);
    let relu6 = Network::of(&[1, 6], |x| x.clamp(0.0, 6.0));
    let shifted = Network::of(&[1, 6], |x| (x.clamp(-2.0, 2.5) + x.relu()) * 1.0);
    let carry = |network: &Network, rules: &Rules| network.carry(rules, &x, &seed, &[]).unwrap();
    assert_eq!(carry(&relu, GUIDED_BACKPROP), [0.0, 0.0, 2.0, 3.0, 0.0, 0.5]);
    assert_eq!(carry(&relu6, GUIDED_BACKPROP), [0.0, 0.0, 2.0, 0.0, 0.0, 0.5]);
    assert_eq!(carry(&relu, DECONVNET), [1.0, 0.0, 2.0, 3.0, 0.0, 0.5]);
    assert_eq!(carry(&relu6, DECONVNET), [1.0, 0.0, 2.0, 3.0, 0.0, 0.5]);
    // A clip that does not start at 0 is no ReLU: it has its gradient.
    assert_eq!(carry(&shifted, GUIDED_BACKPROP), [1.0, -1.0, 2.0, 3.0, -2.0, 0.5]);
}

#[test]
fn networks_to_which_rules_do_not_apply_are_refused_by_name() {
    let silu = Network::of(&[1, 4], |x| x * x.sigmoid());
    let norm =
        Network::of(&[1, 4], |x| x.builder().node("Softmax", &[x], &[], Element::F32, &[1, 4]));
    let carry = |network: &Network, rules: &Rules| {
        network.carry(rules, &[0.0; 4], &[1.0; 4], &[]).unwrap_err().to_string()
    };
    let cases = [
        (carry(&silu, GUIDED_BACKPROP), ["no ReLU", "use saliency"]),
        (carry(&silu, DECONVNET), ["no ReLU", "use saliency"]),
        (carry(&silu, LRP_EPSILON), ["Mul", "two inputs that depend on the picture"]),
        (carry(&norm, LRP_EPSILON_PLUS), ["Softmax", "no rule"]),
        (carry(&norm, DEEPLIFT), ["Softmax", "no rule"]),
    ];
    for (error, texts) in cases {
        assert!(texts.iter().all(|text| error.contains(text)), "{error}");
    }
}

const INPUT: [f32; 4] = [1.0, -2.0, 0.5, 3.0];
const WEIGHTS: [[f32; 4]; 2] = [[0.5, 1.0, -2.0, 0.25], [-1.0, 0.75, 1.5, -0.5]];
const BIASES: [f32; 2] = [0.3, -0.4];
const RELEVANCE: [f32; 2] = [2.0, -1.0];

/// A convolution by 1×1 of one position, which is a product with [`WEIGHTS`].
fn convolution(x: &Value) -> Value {
    let b = x.builder();
    let weight = b.floats("weight", &[2, 4, 1, 1], &WEIGHTS.concat());
    let bias = b.floats("bias", &[2], &BIASES);
    let attributes = [("kernel_shape", Attribute::Ints(vec![1, 1]))];
    b.node("Conv", &[x, &weight, &bias], &attributes, Element::F32, &[1, 2, 1, 1])
}

/// Σ over the outputs of R·contribution/Σ contribution, where `contribution` gives those of the
/// bias and of the inputs to an output.
fn shared(contributions: impl Fn(usize) -> (f64, [f64; 4])) -> [f64; 4] {
    let mut shares = [0.0; 4];
    for (output, &relevance) in RELEVANCE.iter().enumerate() {
        let (bias, inputs) = contributions(output);
        let sum = bias + inputs.iter().sum::<f64>();
        let stabilized = sum + if sum < 0.0 { -1e-6 } else { 1e-6 };
        for (share, input) in shares.iter_mut().zip(inputs) {
            *share += f64::from(relevance) * input / stabilized;
        }
    }
    shares
}

fn products(output: usize, part: impl Fn(f64, f64) -> f64) -> [f64; 4] {
    std::array::from_fn(|i| part(f64::from(INPUT[i]), f64::from(WEIGHTS[output][i])))
}

#[test]
fn convolutions_share_relevance_by_the_composites_rules() {
    let bias = |output: usize| f64::from(BIASES[output]);
    let (low, high) = (-3.0, 4.0);
    let supporting = shared(|o| (bias(o).max(0.0), products(o, |x, w| (x * w).max(0.0))));
    let opposing = shared(|o| (bias(o).min(0.0), products(o, |x, w| (x * w).min(0.0))));
    let gamma = shared(|o| {
        let y = bias(o) + products(o, |x, w| x * w).iter().sum::<f64>();
        let raised = |v: f64| v + if (v > 0.0) == (y > 0.0) { 0.25 * v } else { 0.0 };
        let of_bias = bias(o) + if (bias(o) > 0.0) == (y > 0.0) { 0.25 * bias(o) } else { 0.0 };
        (of_bias, products(o, |x, w| raised(x * w)))
    });
    let alpha_beta: Vec<f64> = supporting.iter().zip(&opposing).map(|(s, o)| 2.0 * s - o).collect();
    let boxed = shared(|o| (0.0, products(o, |x, w| x * w - low * w.max(0.0) - high * w.min(0.0))));
    let first = Network::of(&[1, 4, 1, 1], convolution);
    // A convolution by the identity precedes, so that this one is not the first.
    let later = Network::of(&[1, 4, 1, 1], |x| {
        let eye: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.0 }).collect();
        let eye = x.builder().floats("eye", &[4, 4, 1, 1], &eye);
        let attributes = [("kernel_shape", Attribute::Ints(vec![1, 1]))];
        convolution(&x.builder().node("Conv", &[x, &eye], &attributes, Element::F32, x.shape()))
    });
    let references: [(Reference, &[f32]); 2] =
        [(Reference::Low, &[-3.0; 4]), (Reference::High, &[4.0; 4])];
    let carry = |network: &Network, rules: &Rules| {
        network.carry(rules, &INPUT, &RELEVANCE, &references).unwrap()
    };
    let epsilon = shared(|o| (bias(o), products(o, |x, w| x * w)));
    assert_close(&carry(&first, LRP_EPSILON), &epsilon, "epsilon");
    assert_close(&carry(&first, LRP_EPSILON_PLUS), &supporting, "plus");
    assert_close(&carry(&first, LRP_EPSILON_ALPHA2_BETA1), &alpha_beta, "alpha-beta");
    assert_close(&carry(&first, LRP_EPSILON_PLUS_FLAT), &[0.25; 4], "flat");
    assert_close(&carry(&first, LRP_EPSILON_GAMMA_BOX), &boxed, "box");
    assert_close(&carry(&later, LRP_EPSILON_PLUS), &supporting, "plus, later");
    // The identity is the first layer: it shares what the second gives evenly, or by the box.
    let sum: f64 = supporting.iter().sum();
    assert_close(&carry(&later, LRP_EPSILON_PLUS_FLAT), &[sum / 4.0; 4], "flat, then plus");
    let sum: f64 = gamma.iter().sum();
    let found: f64 = carry(&later, LRP_EPSILON_GAMMA_BOX).iter().sum();
    assert_close(&[found], &[sum], "box, then gamma");
}

#[test]
fn sums_share_relevance_by_their_terms_and_activations_pass_it_on() {
    // y = 3x + max(x, 0) + 1: the terms of x = 2 are 6 and 2 of 9, those of x = −1 are −3 and 0.
    let network = Network::of(&[1, 2], |x| (x * 3.0 + x.relu()) + 1.0);
    let found = network.carry(LRP_EPSILON, &[2.0, -1.0], &[9.0, 4.0], &[]).unwrap();
    assert_close(&found, &[8.0, 6.0], "sum");
}

/// x ↦ products, quotients and maxima of x.
fn mixed(x: &Value) -> Value {
    let gate = (x * 0.5).sigmoid();
    let quotient = x.relu() / (x.square() + 1.0);
    let attributes =
        [("kernel_shape", Attribute::Ints(vec![2, 2])), ("strides", Attribute::Ints(vec![1, 1]))];
    let pooled = x.builder().node("MaxPool", &[x], &attributes, Element::F32, &[1, 1, 2, 2]);
    let rest = (x * gate + quotient).sum(&[2, 3]);
    pooled.tanh().sum(&[2, 3]) + rest
}

#[test]
fn deeplift_is_complete_for_products_quotients_and_overlapping_pools() {
    let network = Network::of(&[1, 1, 3, 3], mixed);
    let x = [0.5, -1.0, 2.0, 0.1, 1.5, -0.3, 0.9, -2.0, 0.7];
    let baseline = [-0.2, 0.4, 0.3, 1.0, -0.6, 0.8, -1.2, 0.2, 0.7];
    let at = [(Reference::Baseline, baseline.as_slice())];
    let multipliers = network.carry(DEEPLIFT, &x, &[1.0], &at).unwrap();
    let changes = x.iter().zip(&baseline).map(|(&x, &b)| f64::from(x) - f64::from(b));
    let sum: f64 = changes.zip(&multipliers).map(|(change, m)| change * m).sum();
    let difference = network.output(&x)[0] - network.output(&baseline)[0];
    assert!((sum - difference).abs() < 1e-5, "{sum} is not {difference}");
    // Where the input stays, the multiplier is the gradient.
    let gradient = network.carry(DEEPLIFT, &x, &[1.0], &[(Reference::Baseline, &x)]).unwrap();
    let expected = network.carry(Rules::GRADIENT, &x, &[1.0], &[]).unwrap();
    assert_close(&gradient, &expected, "gradient");
}

#[test]
fn the_rescale_rule_gives_the_slope_between_baseline_and_input() {
    let network = Network::of(&[1, 3], Value::relu);
    let at = [(Reference::Baseline, [-1.0, 1.0, -2.0].as_slice())];
    let found = network.carry(DEEPLIFT, &[3.0, -3.0, -1.0], &[1.0, 2.0, 1.0], &at).unwrap();
    assert_close(&found, &[0.75, 0.5, 0.0], "slopes");
}

#[test]
fn values_at_references_are_inputs_after_the_residuals() {
    let network = Network::of(&[1, 3], Value::tanh);
    let graph = Graph::read(&network.model, std::slice::from_ref(&network.shape)).unwrap();
    let derived = derive(&network.model, &graph.facts(), &["x"], "y", DEEPLIFT).unwrap();
    let gradient = derived.embed(HashMap::new(), |_| false).unwrap();
    let inputs: Vec<&str> =
        gradient.model.inputs().iter().map(|input| input.name.as_str()).collect();
    let named = |at: &(Reference, String)| at.0.value_name(&at.1);
    let expected: Vec<String> = ["seed".to_owned()]
        .into_iter()
        .chain(gradient.residuals.clone())
        .chain(gradient.references.iter().map(named))
        .collect();
    assert_eq!(inputs, expected);
    assert_eq!(gradient.references.len(), gradient.residuals.len());
    assert!(inputs.contains(&"baseline/x"));
}
