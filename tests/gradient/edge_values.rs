//! Gradients where a formula has no finite value: at zeros, ties and infinite bounds.

use convscope::gradient::{Rules, derive};
use convscope::onnx::{Attribute, Builder, Element, Model};
use convscope::runtime::{CancellationToken, Engine, Graph, tensor_input};
use ndarray::{Array2, ArrayD};

use super::one_node::{OneNode, Operand};

/// The gradient of the sum of `y` at the values `x`, by tract.
fn gradient(model: &Model, x: &[f32]) -> Result<Vec<f32>, String> {
    let shape = vec![1, x.len()];
    let fail = |error: convscope::runtime::RuntimeError| error.to_string();
    let graph = Graph::read(model, std::slice::from_ref(&shape)).map_err(fail)?;
    let derived = derive(model, &graph.facts(), &["x"], "y", Rules::GRADIENT);
    let derived = derived.map_err(|error| error.to_string())?;
    let tensors = model.tensors(&derived.weights(|_| false));
    let gradient = derived.embed(tensors, |_| false).map_err(|error| error.to_string())?;
    let x = || ArrayD::from_shape_vec(shape.clone(), x.to_vec()).unwrap();
    let (engine, token) = (Engine::default(), CancellationToken::default());
    let seed = Array2::ones((1, shape[1])).into_dyn();
    let (mut shapes, mut inputs) = (vec![shape.clone()], vec![tensor_input(seed)]);
    let computed: Vec<String> =
        gradient.residuals.iter().filter(|name| *name != "x").cloned().collect();
    let forward = graph.compile(&[&computed[..], &["y".to_owned()]].concat(), &engine);
    let values =
        forward.and_then(|plan| plan.run(vec![tensor_input(x())], &token)).map_err(fail)?;
    for name in &gradient.residuals {
        inputs.push(if name == "x" {
            tensor_input(x())
        } else {
            values.handle(name).map_err(fail)?
        });
        shapes.push(shape.clone());
    }
    let output = "grad/x".to_owned();
    let backward = Graph::read(&gradient.model, &shapes).map_err(fail)?;
    let plan = backward.compile(std::slice::from_ref(&output), &engine);
    let computed = plan.and_then(|plan| plan.run(inputs, &token)).map_err(fail)?;
    Ok(computed.view(&output).map_err(fail)?.iter().copied().collect())
}

/// Fails with every case whose gradient is not exactly the expected one.
fn check(cases: Vec<(OneNode, &[f32], &[f32])>) {
    let mut failures = Vec::new();
    for (mut node, x, expected) in cases {
        node.shapes = [vec![1, x.len()], vec![1, x.len()]];
        match gradient(&node.model(), x) {
            Ok(actual) if actual == expected => {}
            other => failures.push(format!(
                "{} {:?} at {x:?}: {other:?}, not {expected:?}",
                node.operator, node.operands
            )),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn node<'a>(operator: &'a str, operands: &[Operand]) -> OneNode<'a> {
    OneNode { operands: operands.to_vec(), ..OneNode::new(operator) }
}

fn number(value: f32) -> Operand {
    Operand::Floats(vec![], vec![value])
}

use Operand::{Missing, X};

#[test]
fn clip_passes_the_gradient_strictly_between_its_bounds() {
    let clip = |low: Operand, high: Operand| node("Clip", &[X, low, high]);
    let (infinity, largest) = (f32::INFINITY, f32::MAX);
    let x: &[f32] = &[-1.0, 0.0, 2.0, 6.0, 1e30];
    check(vec![
        (clip(number(-infinity), number(infinity)), x, &[1.0, 1.0, 1.0, 1.0, 1.0]),
        (clip(number(0.0), number(infinity)), x, &[0.0, 0.0, 1.0, 1.0, 1.0]),
        (clip(number(-infinity), number(6.0)), x, &[1.0, 1.0, 1.0, 0.0, 0.0]),
        (clip(number(0.0), number(largest)), x, &[0.0, 0.0, 1.0, 1.0, 1.0]),
        (clip(number(-largest), number(largest)), x, &[1.0, 1.0, 1.0, 1.0, 1.0]),
        (clip(number(0.0), Missing), x, &[0.0, 0.0, 1.0, 1.0, 1.0]),
        (clip(Missing, number(6.0)), x, &[1.0, 1.0, 1.0, 0.0, 0.0]),
        (clip(Missing, Missing), x, &[1.0, 1.0, 1.0, 1.0, 1.0]),
        // With min > max, y is max everywhere.
        (clip(number(3.0), number(1.0)), x, &[0.0, 0.0, 0.0, 0.0, 0.0]),
        // The product of the distances to the bounds underflows.
        (clip(number(0.0), number(1e-30)), &[5e-31, 1.0], &[1.0, 0.0]),
    ]);
}

#[test]
fn clip_of_older_operator_sets_has_its_bounds_in_attributes() {
    let clip = |attributes: &[(&'static str, f32)]| OneNode {
        opset: 10,
        attributes: attributes.iter().map(|&(name, it)| (name, Attribute::Float(it))).collect(),
        ..OneNode::new("Clip")
    };
    let infinity = f32::INFINITY;
    let x: &[f32] = &[-1.0, 0.0, 2.0, 6.0];
    check(vec![
        (clip(&[("min", 0.0), ("max", infinity)]), x, &[0.0, 0.0, 1.0, 1.0]),
        (clip(&[("min", -infinity), ("max", 6.0)]), x, &[1.0, 1.0, 1.0, 0.0]),
        (clip(&[]), x, &[1.0, 1.0, 1.0, 1.0]),
    ]);
}

#[test]
fn powers_at_zero() {
    let power = |p: f32| node("Pow", &[X, number(p)]);
    let x: &[f32] = &[0.0, 4.0];
    check(vec![
        (power(0.0), x, &[0.0, 0.0]),
        (power(1.0), x, &[1.0, 1.0]),
        (power(2.0), x, &[0.0, 8.0]),
        (power(3.0), x, &[0.0, 48.0]),
        (power(0.5), x, &[0.0, 0.25]),
        (power(-1.0), x, &[0.0, -0.0625]),
        (
            node("Pow", &[X, Operand::Floats(vec![1, 5], vec![0.0, 1.0, 2.0, 0.5, -1.0])]),
            &[0.0; 5],
            &[0.0, 1.0, 0.0, 0.0, 0.0],
        ),
        // The exponent is differentiated: 2³·ln 2.
        (
            node("Pow", &[Operand::Floats(vec![1, 3], vec![0.0, 0.0, 2.0]), X]),
            &[1.0, 0.0, 3.0],
            &[0.0, 0.0, 8.0 * std::f32::consts::LN_2],
        ),
    ]);
}

#[test]
fn roots_and_norms_at_zero() {
    let norm = |p: i64| OneNode {
        attributes: vec![("p", Attribute::Int(p))],
        ..OneNode::new("LpNormalization")
    };
    check(vec![
        (OneNode::new("Sqrt"), &[0.0, 4.0], &[0.0, 0.25]),
        (norm(1), &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]),
        (norm(2), &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]),
    ]);
}

/// Where y is infinite, the gradient is too, as the formula says.
#[test]
fn quotients_and_logarithms_at_zero() {
    let infinity = f32::INFINITY;
    check(vec![
        (OneNode::new("Reciprocal"), &[0.0, 2.0], &[-infinity, -0.25]),
        (OneNode::new("Log"), &[0.0, 2.0], &[infinity, 0.5]),
        (node("Div", &[number(1.0), X]), &[0.0, 2.0], &[-infinity, -0.25]),
        (node("Div", &[X, number(0.0)]), &[1.0, 2.0], &[infinity, infinity]),
    ]);
}

#[test]
fn signs_and_ties() {
    let x: &[f32] = &[-2.0, 0.0, 1.0, 3.0];
    check(vec![
        (OneNode::new("Abs"), x, &[-1.0, 0.0, 1.0, 1.0]),
        (node("Max", &[X, number(1.0)]), x, &[0.0, 0.0, 0.5, 1.0]),
        (node("Min", &[X, number(1.0)]), x, &[1.0, 1.0, 0.5, 0.0]),
        (node("Max", &[X, X, number(1.0)]), x, &[0.0, 0.0, 2.0 / 3.0, 1.0]),
    ]);
}

/// y = 3x, computed in float16. The cotangent passes through both casts.
#[test]
fn a_cast_to_float16_and_back_has_a_gradient() {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 4]);
    let y = (x.cast(Element::F16) * 3.0).cast(Element::F32);
    builder.output("y", &y);
    let model = builder.finish("casts").unwrap();
    assert_eq!(gradient(&model, &[-2.0, 0.0, 0.5, 1e3]).unwrap(), [3.0; 4]);
}
