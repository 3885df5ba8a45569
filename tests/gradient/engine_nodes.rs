//! What the engine computes at once is what the standard nodes compute.

use convscope::gradient::{GradientModel, Rules, cotangent_name, derive};
use convscope::onnx::{Attribute, Builder, ENGINE_DOMAIN, Element, Model};
use convscope::runtime::{CancellationToken, Engine, Graph, Values, tensor_input};
use ndarray::{ArrayD, IxDyn};

/// ReLU, an overlapping padded max-pool, ReLU, and a max-pool of touching windows.
fn network() -> Model {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, 5, 14, 18]);
    let list = |values: &[i64]| Attribute::Ints(values.to_vec());
    let first = [
        ("kernel_shape", list(&[3, 3])),
        ("strides", list(&[2, 2])),
        ("pads", list(&[1, 1, 1, 1])),
    ];
    let pooled = builder.node("MaxPool", &[&x.relu()], &first, Element::F32, &[1, 5, 7, 9]);
    let shifted = (pooled - 0.3).relu();
    let second = [("kernel_shape", list(&[2, 2])), ("strides", list(&[2, 2]))];
    let y = builder.node("MaxPool", &[&shifted], &second, Element::F32, &[1, 5, 3, 4]);
    builder.output("y", &y);
    builder.finish("network").unwrap()
}

/// Few different numbers, so that windows have several maxima.
fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let mut index = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        index += 1;
        ((index * 7919) % 11) as f32 / 5.0 - 1.0
    })
}

fn cotangent(gradient: &GradientModel, values: &Values) -> ArrayD<f32> {
    let seed = numbers(&[1, 5, 3, 4]);
    let mut shapes = vec![seed.shape().to_vec()];
    let mut inputs = vec![tensor_input(seed)];
    for residual in &gradient.residuals {
        shapes.push(values.view(residual).unwrap().shape().to_vec());
        inputs.push(values.handle(residual).unwrap());
    }
    let graph = Graph::read(&gradient.model, &shapes).unwrap();
    let output = cotangent_name("x");
    let plan = graph.compile(std::slice::from_ref(&output), &Engine::default()).unwrap();
    let mut computed = plan.run(inputs, &CancellationToken::never()).unwrap();
    computed.take(&output).unwrap()
}

#[test]
fn the_engines_nodes_give_the_cotangents_of_the_standard_ones() {
    let model = network();
    let graph = Graph::read(&model, &[vec![1, 5, 14, 18]]).unwrap();
    let facts = graph.facts();
    let all: Vec<String> = model.graph().node.iter().flat_map(|node| node.output.clone()).collect();
    let plan = graph.compile(&all, &Engine::default()).unwrap();
    let x = numbers(&[1, 5, 14, 18]);
    let mut values = plan.run(vec![tensor_input(x.clone())], &CancellationToken::never()).unwrap();
    values.insert("x", tensor_input(x));
    let derived = derive(&model, &facts, &["x"], "y", Rules::GRADIENT).unwrap();
    let tensors = model.graph().initializer.iter();
    let tensors = tensors.map(|tensor| (tensor.name.clone(), tensor.clone())).collect();
    let standard = derived.embed(tensors, |_| false).unwrap();
    let engines = standard.clone().for_engine();
    let own = |gradient: &GradientModel| {
        let nodes = gradient.model.graph().node.iter();
        nodes.filter(|node| node.domain == ENGINE_DOMAIN).count()
    };
    assert_eq!((own(&standard), own(&engines)), (0, 4), "two ReLUs and two max-pools");
    let expected = cotangent(&standard, &values);
    assert!(expected.iter().filter(|g| **g != 0.0).count() > 20, "{expected}");
    let found = cotangent(&engines, &values);
    let differs = found.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-6);
    assert!(!differs, "{found} is not {expected}");
}
