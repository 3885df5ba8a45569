//! A gradient graph that shares the weights of the forward plan, which that plan stores transposed.

use std::path::Path;

use convscope::attribution::Need;
use convscope::gradient::{Rules, channel_sums_name, cotangent_name, derive, derive_channel_sums};
use convscope::onnx::{Attribute, Builder, Element, Model, float_tensor};
use convscope::runtime::{CancellationToken, Engine, Graph, HeldBytes, Plan, tensor_input};
use convscope::service::LoadedModels;
use ndarray::{Array1, Array2, ArrayD};

/// Channels × height × width of the input, and the inputs and outputs of the dense layer. Its
/// weights are numerous enough to be transposed.
const PICTURES: [usize; 3] = [64, 8, 8];
const INPUTS: usize = 64 * 8 * 8;
const OUTPUTS: usize = 1024;

/// ReLU, flattening, and a dense layer whose matrix is stored output by output, as in PyTorch.
fn network(matrix: &Array2<f32>) -> Model {
    let builder = Builder::default();
    let x = builder.input("x", Element::F32, &[1, PICTURES[0], PICTURES[1], PICTURES[2]]);
    let weights = float_tensor("weights", &[OUTPUTS, INPUTS], matrix.as_slice().unwrap());
    let weights = builder.initializer(weights, Element::F32);
    let a = x.relu();
    let flat = a.reshape(&[1, INPUTS]);
    let attributes = [("transB", Attribute::Int(1))];
    let y = builder.node("Gemm", &[&flat, &weights], &attributes, Element::F32, &[1, OUTPUTS]);
    builder.output("y", &y);
    builder.finish("network").unwrap()
}

#[test]
fn transposed_weights_are_shared_and_give_the_same_gradient() {
    let number = |i: usize, of: usize| ((i * 7919) % of) as f32 / of as f32 - 0.5;
    let matrix = Array2::from_shape_fn((OUTPUTS, INPUTS), |(i, j)| number(i * INPUTS + j, 1009));
    let model = network(&matrix);
    let shape = vec![1, PICTURES[0], PICTURES[1], PICTURES[2]];
    let graph = Graph::read(&model, std::slice::from_ref(&shape)).unwrap();
    let facts = graph.facts();
    let engine = Engine::default();
    let mut held = graph.weights(&model);
    let forward = graph.compile_sharing(&["y".to_owned()], &mut held, &engine).unwrap();
    let x = Array1::from_shape_fn(INPUTS, |i| number(i, 499));
    let picture = ArrayD::from_shape_vec(shape, x.to_vec()).unwrap();
    let values = forward.run(vec![tensor_input(picture)], &CancellationToken::default()).unwrap();
    let close = |what: &str, got: &[f32], wanted: Array1<f64>| {
        let largest = wanted.iter().fold(0f64, |max, value| max.max(value.abs()));
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(wanted) {
            assert!((f64::from(*got) - wanted).abs() <= 2e-5 * largest, "{what}: {got}, {wanted}");
        }
    };
    let exact = matrix.mapv(f64::from);
    let wanted = exact.dot(&x.mapv(|x| f64::from(x.max(0.0))));
    close("forward", values.view("y").unwrap().as_slice().unwrap(), wanted);

    assert!(held.contains("weights"), "the plan does not hold the stored weights");
    let stored = held.tensor("weights").unwrap().unwrap();
    let expected = float_tensor("weights", &[OUTPUTS, INPUTS], matrix.as_slice().unwrap());
    assert!(stored == expected, "the transposed weights are not those of the file");
    let seed = Array1::from_shape_fn(OUTPUTS, |i| number(i, 313));
    let whole = exact.t().dot(&seed.mapv(f64::from));
    let positions = PICTURES[1] * PICTURES[2];
    let sums = whole.to_shape((PICTURES[0], positions)).unwrap().sum_axis(ndarray::Axis(1));
    let layer = model.graph().node[0].output[0].clone();
    let (whole_graph, sums_graph) = (
        derive(&model, &facts, &[&layer], "y", Rules::GRADIENT).unwrap(),
        derive_channel_sums(&model, &facts, &layer, 1, "y", Rules::GRADIENT).unwrap(),
    );
    for (derived, output, wanted) in [
        (whole_graph, cotangent_name(&layer), whole),
        (sums_graph, channel_sums_name(&layer), sums),
    ] {
        let gradient = derived.embed(Default::default(), |name| held.contains(name)).unwrap();
        assert_eq!(gradient.shared, ["weights"]);
        let shapes = [vec![1, OUTPUTS]];
        let graph = Graph::read_with(&gradient.model, &shapes, &held).unwrap();
        let backward: Plan = graph.compile(std::slice::from_ref(&output), &engine).unwrap();
        let seed = seed.clone().into_shape_with_order((1, OUTPUTS)).unwrap().into_dyn();
        let computed =
            backward.run(vec![tensor_input(seed)], &CancellationToken::default()).unwrap();
        close(&output, computed.view(&output).unwrap().as_slice().unwrap(), wanted);
    }
}

/// The budget of cached graphs counts what a graph adds to the model: its packed kernels, and not
/// the dense weights that it shares.
#[test]
fn a_graph_takes_the_memory_of_its_own_constants() {
    let convnet = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cats_and_dogs_small_1");
    let models = LoadedModels::open(&convnet, &Engine::default()).unwrap();
    let classifier = models.get(None).unwrap();
    let token = CancellationToken::never();
    let bytes = |layer: &str, need: Need| {
        let layer = classifier.info().layer(layer).unwrap();
        let plans =
            classifier.explainer().prepare(std::slice::from_ref(&layer), [need].iter(), &token);
        plans.unwrap().held_bytes()
    };
    // Between the first layer and the last one are three convolutions with 3×3 kernels. Winograd's
    // smallest tiles have 16 numbers for the 9 of a kernel.
    let kernels = 32 * 64 + 64 * 128 + 128 * 128;
    let dense = 4 * 6272 * 512;
    let gradient = |layer: &str| bytes(layer, Need::Gradient(Rules::GRADIENT));
    let (first, last) = (gradient("conv2d_1"), gradient("conv2d_4"));
    assert!(first >= 4 * 16 * kernels && first < dense, "{first} bytes");
    assert!(last < first && last < dense, "{last} bytes");
    let tail = |layer: &str| bytes(layer, Need::ScoresFromLayer);
    let (first, last) = (tail("conv2d_1"), tail("conv2d_4"));
    assert!(first >= 4 * 9 * kernels && first < dense, "{first} bytes");
    assert!(last < first, "{last} bytes");
    assert_eq!(bytes("conv2d_1", Need::Scores), 0);
}
