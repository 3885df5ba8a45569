//! Single nodes that are rewritten, against closed forms.

use convscope::onnx::{Attribute, Builder, Element, Model, Value};
use convscope::runtime::{CancellationToken, Engine, Graph, tensor_input};
use ndarray::ArrayD;

const X: [f32; 8] = [1.0, -1.0, 2.0, 0.5, -2.0, 0.25, 3.0, -0.5];

/// A node of the domain `com.microsoft`, or of the standard if `domain` is empty. Its first input
/// is the graph's input of shape `from`, the others are stored.
struct Node<'a> {
    domain: &'a str,
    operator: &'a str,
    from: &'a [usize],
    to: &'a [usize],
    stored: &'a [&'a [f32]],
    attributes: Vec<(&'a str, Attribute<'a>)>,
}

impl Node<'_> {
    /// The first output for the first elements of [`X`], after the rewriting.
    fn output(&self) -> Vec<f32> {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, self.from);
        let store = |values: &&[f32]| builder.floats("stored", &[values.len()], values);
        let stored: Vec<_> = self.stored.iter().map(store).collect();
        let inputs: Vec<_> = [&x].into_iter().chain(&stored).collect();
        let y = builder.node(self.operator, &inputs, &self.attributes, Element::F32, self.to);
        builder.output("y", &y);
        let count = self.from.iter().product();
        compute(builder, self.domain, self.from, &X[..count], Builder::OPSET)
    }
}

/// The output `y` of a graph whose first node is of `domain`, after the rewriting. Its input takes
/// `values` of the shape `from`.
fn compute(builder: Builder, domain: &str, from: &[usize], values: &[f32], opset: i64) -> Vec<f32> {
    let mut proto = builder.finish("one node").unwrap().proto().clone();
    proto.graph.as_mut().unwrap().node[0].domain = domain.to_owned();
    proto.opset_import[0].version = opset;
    let model = Model::from_proto(proto).unwrap().rewritten().unwrap();
    let x = ArrayD::from_shape_vec(from, values.to_vec()).unwrap();
    let plan = Graph::read(&model, &[from.to_vec()]).unwrap();
    let plan = plan.compile(&["y".to_owned()], &Engine::default()).unwrap();
    let values = plan.run(vec![tensor_input(x)], &CancellationToken::default()).unwrap();
    values.view("y").unwrap().iter().copied().collect()
}

/// The output of a standard operator whose inputs are `x`, `copies` times, and `stored` integers.
fn standard(
    operator: &str,
    [from, to]: [&[usize]; 2],
    values: &[f32],
    (copies, stored): (usize, &[&[i64]]),
    attributes: &[(&str, Attribute)],
) -> Vec<f32> {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, from);
    let stored: Vec<Value> = stored.iter().map(|values| builder.ints(values)).collect();
    let inputs: Vec<&Value> = std::iter::repeat_n(&x, copies).chain(&stored).collect();
    let y = builder.node(operator, &inputs, attributes, Element::F32, to);
    builder.output("y", &y);
    compute(builder, "", from, values, 23)
}

fn assert_equal(actual: &[f32], expected: &[f64]) {
    let differ = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() > 1e-5;
    assert_eq!(actual.len(), expected.len());
    assert!(!actual.iter().zip(expected).any(differ), "{actual:?}, not {expected:?}");
}

/// Two heads with three tokens of two numbers each, which are query, key and value at once. The
/// tokens hold the heads one after the other, or there is an axis of the heads.
#[test]
fn attention_is_a_softmax_of_products() {
    let tokens: Vec<f32> = (0..12).map(|i| (i as f32 * 0.7).sin()).collect();
    let at = |head: usize, token: usize, i: usize| f64::from(tokens[token * 4 + head * 2 + i]);
    let by_head: Vec<f32> =
        (0..12).map(|i| tokens[(i / 2 % 3) * 4 + (i / 6) * 2 + i % 2]).collect();
    let expected = |head: usize, token: usize, i: usize, seen: usize, scale: f64, cap: f64| {
        let score = |key: usize| {
            let product =
                at(head, token, 0) * at(head, key, 0) + at(head, token, 1) * at(head, key, 1);
            if cap > 0.0 { cap * (product * scale / cap).tanh() } else { product * scale }
        };
        let weights: Vec<f64> = (0..seen).map(|key| score(key).exp()).collect();
        let sum: f64 = (0..seen).map(|key| weights[key] * at(head, key, i)).sum();
        sum / weights.iter().sum::<f64>()
    };
    let heads = [("q_num_heads", Attribute::Int(2)), ("kv_num_heads", Attribute::Int(2))];
    let whole: Vec<f64> =
        (0..12).map(|i| expected(i / 2 % 2, i / 4, i % 2, 3, 0.5f64.sqrt(), 0.0)).collect();
    let shape: &[usize] = &[1, 3, 4];
    assert_equal(&standard("Attention", [shape, shape], &tokens, (3, &[]), &heads), &whole);
    let causal: Vec<f64> =
        (0..12).map(|i| expected(i / 6, i / 2 % 3, i % 2, i / 2 % 3 + 1, 0.8, 0.3)).collect();
    let attributes = [
        ("is_causal", Attribute::Int(1)),
        ("scale", Attribute::Float(0.8)),
        ("softcap", Attribute::Float(0.3)),
    ];
    let shape: &[usize] = &[1, 2, 3, 2];
    assert_equal(&standard("Attention", [shape, shape], &by_head, (3, &[]), &attributes), &causal);
}

#[test]
fn norms_and_pools_of_powers() {
    let root = (X[..4].iter().map(|x| f64::from(x * x)).sum::<f64>() / 4.0 + 0.5).sqrt();
    let expected: Vec<f64> = X[..4].iter().map(|&x| f64::from(x) / root).collect();
    let epsilon = [("epsilon", Attribute::Float(0.5))];
    let shape: &[usize] = &[1, 4];
    assert_equal(
        &standard("RMSNormalization", [shape, shape], &X[..4], (1, &[]), &epsilon),
        &expected,
    );
    let window = || Attribute::Ints(vec![2, 2]);
    let attributes = [("kernel_shape", window()), ("strides", window())];
    let pooled = standard("LpPool", [&[1, 1, 2, 4], &[1, 1, 1, 2]], &X, (1, &[]), &attributes);
    // 1, −1, −2, 0.25 and 2, 0.5, 3, −0.5.
    assert_equal(&pooled, &[6.0625f64.sqrt(), 13.5f64.sqrt()]);
}

/// Blocks of 2 × 2 at four places of a picture of 4 × 3, two rows and one column apart.
#[test]
fn col2im_adds_blocks() {
    let blocks: Vec<f32> = (0..16).map(|i| (i * i) as f32).collect();
    let mut expected = vec![0.0f64; 12];
    for (i, &number) in blocks.iter().enumerate() {
        let (part, place) = (i / 4, i % 4);
        let (row, column) = (2 * (place / 2) + part / 2, place % 2 + part % 2);
        expected[row * 3 + column] += f64::from(number);
    }
    let strides = [("strides", Attribute::Ints(vec![2, 1]))];
    let stored: [&[i64]; 2] = [&[4, 3], &[2, 2]];
    let found = standard("Col2Im", [&[1, 4, 4], &[1, 1, 4, 3]], &blocks, (1, &stored), &strides);
    assert_equal(&found, &expected);
}

fn microsoft<'a>(operator: &'a str, stored: &'a [&'a [f32]]) -> Node<'a> {
    let domain = "com.microsoft";
    Node { domain, operator, from: &[1, 4], to: &[1, 4], stored, attributes: Vec::new() }
}

fn assert_near(node: &Node, expected: &[f64]) {
    let actual = node.output();
    assert_eq!(actual.len(), expected.len(), "{}", node.operator);
    for (a, b) in actual.iter().zip(expected) {
        assert!(
            (f64::from(*a) - b).abs() < 1e-5,
            "{}: {actual:?}, not {expected:?}",
            node.operator
        );
    }
}

/// Φ is the normal distribution: Φ(1) = 0.841344746, Φ(2) = 0.977249868, Φ(½) = 0.691462461.
#[test]
fn gelu_and_its_approximations() {
    let gelu = [0.841_344_746, -0.158_655_254, 1.954_499_736, 0.345_731_231];
    assert_near(&microsoft("Gelu", &[]), &gelu);
    let bias: &[f32] = &[0.0, 0.0, 0.0, 0.0];
    assert_near(&microsoft("BiasGelu", &[bias]), &gelu);
    let shifted = [1.0f32, -2.0, 0.5, 0.25];
    let tanh = |x: f64| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        0.5 * x * (1.0 + inner.tanh())
    };
    let sums: Vec<f64> = X[..4].iter().zip(shifted).map(|(x, b)| tanh(f64::from(x + b))).collect();
    assert_near(&microsoft("FastGelu", &[&shifted]), &sums);
    let quick = X[..4].iter().map(|&x| f64::from(x) / (1.0 + (-1.702 * f64::from(x)).exp()));
    assert_near(&microsoft("QuickGelu", &[]), &quick.collect::<Vec<f64>>());
}

#[test]
fn skip_layer_normalization_normalizes_the_sum() {
    let (skip, scale, shift) = ([1.0f32, 2.0, -1.0, 0.0], [1.0f32; 4], [0.5f32; 4]);
    let stored: [&[f32]; 3] = [&skip, &scale, &shift];
    let node = microsoft("SkipLayerNormalization", &stored);
    let sums: Vec<f64> = X.iter().zip(skip).map(|(x, s)| f64::from(x + s)).collect();
    let mean = sums.iter().sum::<f64>() / 4.0;
    let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / 4.0;
    let expected: Vec<f64> = sums.iter().map(|sum| (sum - mean) / variance.sqrt() + 0.5).collect();
    assert_near(&node, &expected);
}

#[test]
fn pools_in_other_forms() {
    let node = Node {
        from: &[1, 2, 2, 2],
        to: &[1, 1, 1, 2],
        attributes: vec![("kernel_shape", Attribute::Ints(vec![2, 2]))],
        ..microsoft("NhwcMaxPool", &[])
    };
    // The channels are the last axis: 1, 2, −2, 3 and −1, 0.5, 0.25, −0.5.
    assert_near(&node, &[3.0, 0.5]);
    let wide = Attribute::Ints(vec![1280, 1280]);
    let node = Node {
        domain: "",
        from: &[1, 2, 2, 2],
        to: &[1, 2, 1, 1],
        attributes: vec![
            ("kernel_shape", wide.clone()),
            ("strides", wide),
            ("ceil_mode", Attribute::Int(1)),
        ],
        ..microsoft("AveragePool", &[])
    };
    assert_near(&node, &[2.5 / 4.0, 0.75 / 4.0]);
}

#[test]
fn batch_norm_by_its_own_statistics() {
    let (scale, shift) = ([2.0f32, 1.0], [0.0f32, 1.0]);
    let unused = [9.0f32; 2];
    let stored: [&[f32]; 4] = [&scale, &shift, &unused, &unused];
    let node = Node {
        domain: "",
        from: &[1, 2, 4],
        to: &[1, 2, 4],
        attributes: vec![("training_mode", Attribute::Int(1)), ("epsilon", Attribute::Float(0.0))],
        ..microsoft("BatchNormalization", &stored)
    };
    let normalized = |values: &[f32], scale: f64, shift: f64| -> Vec<f64> {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let mean = values.iter().sum::<f64>() / 4.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 4.0;
        values.iter().map(|value| (value - mean) / variance.sqrt() * scale + shift).collect()
    };
    let expected = [normalized(&X[..4], 2.0, 0.0), normalized(&X[4..], 1.0, 1.0)].concat();
    assert_near(&node, &expected);
}

#[test]
fn a_concatenation_reads_the_one_that_it_repeats() {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 2, 4, 4]);
    let operands = |model: &Model| -> Vec<usize> {
        let nodes = model.graph().node.iter().filter(|node| node.op_type == "Concat");
        nodes.map(|node| node.input.len()).collect()
    };
    let values = [x.clone(), x.relu(), x.exp(), x.tanh()];
    let sums = [2, 3, 4].map(|count| Value::concat(&values[..count], 1).mean(&[1]));
    builder.output("y", &(&sums[0] + &sums[1] + &sums[2]));
    let model = builder.finish("dense block").unwrap();
    assert_eq!(operands(&model), [2, 3, 4]);
    let rewritten = model.clone().rewritten().unwrap();
    assert_eq!(operands(&rewritten), [2, 2, 2]);
    let input: Vec<f32> = (0..32).map(|index| index as f32 / 16.0 - 1.0).collect();
    let input = ArrayD::from_shape_vec(vec![1, 2, 4, 4], input).unwrap();
    let [before, after] = [model, rewritten].map(|model| {
        let plan = Graph::read(&model, &[vec![1, 2, 4, 4]]).unwrap();
        let plan = plan.compile(&["y".to_owned()], &Engine::default()).unwrap();
        let input = vec![tensor_input(input.clone())];
        let mut values = plan.run(input, &CancellationToken::default()).unwrap();
        values.take("y").unwrap()
    });
    assert_eq!(before, after);
}
