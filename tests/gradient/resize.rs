//! The rule of Resize against tract's own Resize: the gradient is the adjoint of the forward pass,
//! ⟨Jv, u⟩ = ⟨v, Jᵀu⟩.

use convscope::gradient::{Rules, derive};
use convscope::onnx::Attribute;
use convscope::runtime::{CancellationToken, Engine, Graph, Plan, tensor_input};
use ndarray::ArrayD;

use super::one_node::{OneNode, Operand};

/// Numbers between −1 and 1 without a pattern.
fn numbers(shape: &[usize], seed: usize) -> ArrayD<f32> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
    let count = shape.iter().product();
    ArrayD::from_shape_vec(shape.to_vec(), (0..count).map(number).collect()).unwrap()
}

fn inner(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// |⟨Jv, u⟩ − ⟨v, Jᵀu⟩| for a node of the input shape `shape`, relative to ‖Jv‖·‖u‖.
fn adjoint_error(node: &OneNode, shape: &[usize]) -> Result<f64, String> {
    let fail = |error: convscope::runtime::RuntimeError| error.to_string();
    let run = |plan: Plan, x: &ArrayD<f32>, output: &str| {
        let values = plan.run(vec![tensor_input(x.clone())], &CancellationToken::default());
        values.and_then(|values| Ok(values.view(output)?.to_owned())).map_err(fail)
    };
    let (model, engine) = (node.model(), Engine::default());
    let graph = Graph::read(&model, &[shape.to_vec()]).map_err(fail)?;
    let derived = derive(&model, &graph.facts(), &["x"], "y", Rules::GRADIENT);
    let derived = derived.map_err(|error| error.to_string())?;
    let gradient = derived.embed(Default::default(), |_| false).map_err(|it| it.to_string())?;
    let v = numbers(shape, 1);
    let forward = graph.compile(&["y".to_owned()], &engine).map_err(fail)?;
    let y = run(forward, &v, "y")?;
    let u = numbers(y.shape(), 2);
    let (outputs, shapes) = (["grad/x".to_owned()], [y.shape().to_vec()]);
    let backward = Graph::read(&gradient.model, &shapes).map_err(fail)?;
    let backward = backward.compile(&outputs, &engine);
    let back = run(backward.map_err(fail)?, &u, "grad/x")?;
    let scale = (inner(&y, &y) * inner(&u, &u)).sqrt();
    Ok((inner(&y, &u) - inner(&v, &back)).abs() / scale)
}

const COORDINATES: [&str; 6] = [
    "asymmetric",
    "half_pixel",
    "align_corners",
    "pytorch_half_pixel",
    "half_pixel_symmetric",
    "tf_half_pixel_for_nn",
];

/// Every combination of attributes of one coordinate transformation.
fn combinations(coordinates: &'static str) -> Vec<Vec<(&'static str, Attribute<'static>)>> {
    use Attribute::{Float, Int, Text};
    let mut all = Vec::new();
    for rounding in ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"] {
        all.push(vec![("mode", Text("nearest")), ("nearest_mode", Text(rounding))]);
    }
    for antialias in [0, 1] {
        for exclude in [0, 1] {
            let both = [("antialias", Int(antialias)), ("exclude_outside", Int(exclude))];
            all.push([&[("mode", Text("linear"))][..], &both].concat());
            let cubic = [("mode", Text("cubic")), ("cubic_coeff_a", Float(-0.5))];
            all.push([&cubic[..], &both].concat());
        }
    }
    let transformation = ("coordinate_transformation_mode", Text(coordinates));
    all.iter_mut().for_each(|it| it.push(transformation.clone()));
    all
}

/// A Resize along the second axis, by a scale or to a size.
fn resize(
    attributes: &[(&'static str, Attribute<'static>)],
    input: usize,
    target: &Operand,
) -> OneNode<'static> {
    let operands = match target {
        Operand::Floats(..) => vec![Operand::X, Operand::Missing, target.clone()],
        _ => vec![Operand::X, Operand::Missing, Operand::Missing, target.clone()],
    };
    let attributes = attributes.to_vec();
    let shapes = [vec![1, input], vec![1, input]];
    OneNode { opset: 18, attributes, operands, shapes, ..OneNode::new("Resize") }
}

#[test]
fn the_gradient_of_resize_is_the_adjoint_of_the_forward_pass() {
    let scale = |scale: f32| Operand::Floats(vec![2], vec![1.0, scale]);
    let size = |size: i64| Operand::Ints(vec![1, size]);
    let targets = [
        (5, size(13)),
        (13, size(5)),
        (8, size(4)),
        (57, size(224)),
        (299, size(112)),
        (512, size(511)),
        (7, scale(1.5)),
        (9, scale(0.3)),
        (10, scale(2.37)),
        (6, scale(3.0)),
    ];
    let mut failures = Vec::new();
    for coordinates in COORDINATES {
        for attributes in combinations(coordinates) {
            for (input, target) in &targets {
                let error = adjoint_error(&resize(&attributes, *input, target), &[1, *input]);
                if !error.as_ref().is_ok_and(|&error| error < 1e-6) {
                    failures.push(format!("{attributes:?}, {input} {target:?}: {error:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_kept_aspect_ratio_gives_all_axes_one_scale() {
    let shape = [1, 2, 4, 6];
    for policy in ["stretch", "not_larger", "not_smaller"] {
        for mode in ["nearest", "linear", "cubic"] {
            let node = OneNode {
                attributes: vec![
                    ("mode", Attribute::Text(mode)),
                    ("keep_aspect_ratio_policy", Attribute::Text(policy)),
                    ("axes", Attribute::Ints(vec![2, 3])),
                ],
                shapes: [shape.to_vec(), shape.to_vec()],
                ..resize(&[], 6, &Operand::Ints(vec![9, 7]))
            };
            let error = adjoint_error(&node, &shape).unwrap();
            assert!(error < 1e-6, "{policy}, {mode}: {error:e}");
        }
    }
}

/// Operator set 10 implies how positions are rounded: down.
#[test]
fn the_gradient_of_resize_10_is_the_adjoint_of_the_forward_pass() {
    for (input, scale) in [(5, 2.0), (5, 3.0), (7, 4.0), (10, 2.37), (9, 0.3)] {
        for mode in ["nearest", "linear"] {
            let node = OneNode {
                opset: 10,
                attributes: vec![("mode", Attribute::Text(mode))],
                operands: vec![Operand::X, Operand::Floats(vec![2], vec![1.0, scale])],
                shapes: [vec![1, input], vec![1, input]],
                ..OneNode::new("Resize")
            };
            let error = adjoint_error(&node, &[1, input]).unwrap();
            assert!(error < 1e-6, "{mode}, {input} by {scale}: {error:e}");
        }
    }
}
