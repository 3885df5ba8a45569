//! The products of biases and their gradients: each operator with a bias in closed form, and the
//! sum over a whole network.

use convscope::gradient::{SEED, bias_product_name, cotangent_name, derive_full_gradient};
use convscope::onnx::{Attribute, Builder, Element, Facts, Model, Value};
use convscope::runtime::{CancellationToken, Engine, Graph, Values, tensor_input};
use ndarray::{ArrayD, IxDyn, Zip};

use super::one_node::{OneNode, Operand};

fn number(index: usize) -> f32 {
    ((index * 7919 + 3) % 101) as f32 / 101.0 - 0.4
}

fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        index += 1;
        number(index)
    })
}

/// What the full gradient of `y` with respect to `x` gives for `seed`. `residuals` has the forward
/// values.
fn full_gradient(model: &Model, facts: &Facts, seed: ArrayD<f32>, residuals: &Values) -> Values {
    let derived = derive_full_gradient(model, facts, "x", "y").unwrap();
    let tensors = model.graph().initializer.iter();
    let tensors = tensors.map(|tensor| (tensor.name.clone(), tensor.clone())).collect();
    let gradient = derived.embed(tensors, |_| false).unwrap();
    let mut shapes = vec![seed.shape().to_vec()];
    let mut inputs = vec![tensor_input(seed)];
    for residual in &gradient.residuals {
        shapes.push(residuals.view(residual).unwrap().shape().to_vec());
        inputs.push(residuals.handle(residual).unwrap());
    }
    assert_eq!(gradient.model.inputs()[0].name, SEED);
    let outputs: Vec<String> =
        gradient.model.outputs().iter().map(|output| output.name.clone()).collect();
    let graph = Graph::read(&gradient.model, &shapes).unwrap();
    let plan = graph.compile(&outputs, &Engine::default()).unwrap();
    plan.run(inputs, &CancellationToken::never()).unwrap()
}

/// A node with a bias, and the bias of channel c of its output, whose shape is [1, 4, 2, 2].
type Case<'a> = (OneNode<'a>, fn(usize) -> f32);

fn floats(shape: &[usize], first: usize) -> Operand {
    let count = shape.iter().product::<usize>();
    Operand::Floats(shape.to_vec(), (first..first + count).map(number).collect())
}

/// A node of `x` and these constants.
fn node<'a>(operator: &'a str, opset: i64, constants: Vec<Operand>) -> OneNode<'a> {
    let operands = [vec![Operand::X], constants].concat();
    let shapes = [vec![1, 4, 2, 2], vec![1, 4, 2, 2]];
    OneNode { opset, operands, shapes, ..OneNode::new(operator) }
}

fn cases() -> Vec<Case<'static>> {
    let (positive, per_channel) = (|| floats(&[4], 1), || floats(&[4, 1, 1], 10));
    let variance = || Operand::Floats(vec![4], vec![0.5, 1.0, 1.5, 2.0]);
    let groups = vec![("num_groups", Attribute::Int(2))];
    let mut transposed = node("Sub", 18, vec![per_channel()]);
    transposed.operands.reverse();
    vec![
        (node("Add", 18, vec![per_channel()]), |c| number(10 + c)),
        (node("Sum", 18, vec![per_channel(), floats(&[1], 5)]), |c| number(10 + c) + number(5)),
        (node("Sub", 18, vec![per_channel()]), |c| -number(10 + c)),
        (transposed, |c| number(10 + c)),
        (node("Conv", 18, vec![floats(&[4, 4, 1, 1], 1), floats(&[4], 30)]), |c| number(30 + c)),
        (node("ConvTranspose", 18, vec![floats(&[4, 4, 1, 1], 1), floats(&[4], 30)]), |c| {
            number(30 + c)
        }),
        (
            OneNode {
                attributes: vec![("beta", Attribute::Float(2.0))],
                shapes: [vec![1, 4], vec![1, 4]],
                ..node("Gemm", 18, vec![floats(&[4, 4], 1), floats(&[4], 40)])
            },
            |c| 2.0 * number(40 + c),
        ),
        (
            node(
                "BatchNormalization",
                15,
                vec![positive(), floats(&[4], 50), floats(&[4], 60), variance()],
            ),
            |c| {
                number(50 + c)
                    - number(1 + c) * number(60 + c) / (0.5 * (c + 1) as f32 + 1e-5).sqrt()
            },
        ),
        (node("InstanceNormalization", 18, vec![positive(), floats(&[4], 70)]), |c| number(70 + c)),
        (
            OneNode {
                attributes: vec![("axis", Attribute::Int(1))],
                ..node(
                    "LayerNormalization",
                    17,
                    vec![
                        floats(&[4, 2, 2], 1),
                        Operand::Floats(vec![4, 2, 2], (0..16).map(|i| number(i / 4)).collect()),
                    ],
                )
            },
            number,
        ),
        (
            OneNode {
                attributes: groups.clone(),
                ..node("GroupNormalization", 18, vec![floats(&[2], 1), floats(&[2], 80)])
            },
            |c| number(80 + c / 2),
        ),
        (
            OneNode {
                attributes: groups,
                ..node("GroupNormalization", 21, vec![positive(), floats(&[4], 80)])
            },
            |c| number(80 + c),
        ),
    ]
}

#[test]
fn every_operator_with_a_bias_gives_its_product_with_the_gradient() {
    let mut wrong = Vec::new();
    for (node, bias) in cases() {
        let (model, facts) = (node.model(), node.facts());
        let seed = numbers(&node.shapes[1]);
        let mut residuals = Values::default();
        residuals.insert("x", tensor_input(numbers(&node.shapes[0])));
        let value = model.graph().node[0].output[0].clone();
        let found = full_gradient(&model, &facts, seed.clone(), &residuals);
        let found = found.view(&bias_product_name(&value)).unwrap().to_owned();
        let expected = ArrayD::from_shape_fn(seed.raw_dim(), |i| seed[&i] * bias(i[1]));
        if found.shape() != expected.shape()
            || Zip::from(&found).and(&expected).any(|a, b| (a - b).abs() > 1e-6)
        {
            wrong.push(format!("{} {}: {found} is not {expected}", node.operator, node.opset));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two convolutions, one of them with a batch normalisation, a residual, a constant, a pool and a
/// dense layer.
fn network() -> Model {
    let builder = Builder::default();
    let shape = [1, 3, 6, 6];
    let x = builder.input("x", Element::F32, &shape);
    let stored = |shape: &[usize], first: usize| {
        let values: Vec<f32> =
            (first..first + shape.iter().product::<usize>()).map(number).collect();
        builder.floats("stored", shape, &values)
    };
    let conv = |x: &Value, first: usize| {
        let pads = [("pads", Attribute::Ints(vec![1; 4]))];
        let inputs = [x, &stored(&[3, 3, 3, 3], first), &stored(&[3], first + 90)];
        builder.node("Conv", &inputs, &pads, Element::F32, &shape)
    };
    let variance = builder.floats("variance", &[3], &[0.5, 1.0, 2.0]);
    let first = conv(&x, 0);
    let inputs = [&first, &stored(&[3], 7), &stored(&[3], 13), &stored(&[3], 19), &variance];
    let normal = builder.node("BatchNormalization", &inputs, &[], Element::F32, &shape).relu();
    let second = (conv(&normal, 40) + &normal - stored(&[3, 1, 1], 25)).relu();
    let window =
        [("kernel_shape", Attribute::Ints(vec![2, 2])), ("strides", Attribute::Ints(vec![2, 2]))];
    let pooled = builder.node("MaxPool", &[&second], &window, Element::F32, &[1, 3, 3, 3]);
    let flat = pooled.reshape(&[1, 27]);
    let inputs = [&flat, &stored(&[27, 4], 3), &stored(&[4], 31)];
    builder.output("y", &builder.node("Gemm", &inputs, &[], Element::F32, &[1, 4]));
    builder.finish("network").unwrap()
}

#[test]
fn the_products_of_a_network_sum_to_its_output() {
    let model = network();
    let graph = Graph::read(&model, &[vec![1, 3, 6, 6]]).unwrap();
    let facts = graph.facts();
    let all: Vec<String> = model.graph().node.iter().flat_map(|node| node.output.clone()).collect();
    let plan = graph.compile(&all, &Engine::default()).unwrap();
    let x = numbers(&[1, 3, 6, 6]);
    let token = CancellationToken::never();
    let mut values = plan.run(vec![tensor_input(x.clone())], &token).unwrap();
    values.insert("x", tensor_input(x.clone()));
    let derived = derive_full_gradient(&model, &facts, "x", "y").unwrap();
    let model_of = derived.embed(
        model.graph().initializer.iter().map(|t| (t.name.clone(), t.clone())).collect(),
        |_| false,
    );
    let names: Vec<String> =
        model_of.unwrap().model.outputs().iter().map(|output| output.name.clone()).collect();
    assert_eq!(
        names.len(),
        1 + 5,
        "two convolutions, a norm, a constant, a dense layer: {names:?}"
    );
    for class in 0..4 {
        let seed = ArrayD::from_shape_fn(IxDyn(&[1, 4]), |i| f32::from(u8::from(i[1] == class)));
        let found = full_gradient(&model, &facts, seed, &values);
        let of_input = &found.view(&cotangent_name("x")).unwrap() * &x;
        let products = names.iter().filter(|name| **name != cotangent_name("x"));
        let products: Vec<f32> = products.map(|name| found.view(name).unwrap().sum()).collect();
        let expected = values.view("y").unwrap()[[0, class]];
        let sum = of_input.sum() + products.iter().sum::<f32>();
        assert!((sum - expected).abs() < 1e-4, "class {class}: {sum} is not {expected}");
        assert!(products.iter().any(|product| product.abs() > 0.05), "they matter: {products:?}");
    }
}
