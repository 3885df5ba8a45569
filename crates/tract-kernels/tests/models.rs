//! Small rewritten networks against tract's own operators.

use std::sync::{Arc, Weak};

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math::{add, max, mul};
use tract_core::ops::nn::{Reduce, Reducer, sigmoid};
use tract_kernels::{GraphRewriter, ThreadPool, WeightPrecision, prune, transpose_dense};

use crate::network::{Built, Network};
use crate::random::Random;

/// Batch norm after a convolution: a factor and a summand for each channel.
fn batch_norm() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 5, 12, 12])?;
    let y = net.conv("conv", x, 20, 1)?;
    let (scale, shift) =
        (net.constant("scale", &[1, 20, 1, 1])?, net.constant("shift", &[1, 20, 1, 1])?);
    let y = net.binary("mul", mul(), scale, y)?;
    let y = net.binary("add", add(), shift, y)?;
    let y = net.bound("relu", y, true, 0.0)?;
    net.build(&[y], 1)
}

/// The convolution itself is an output, so batch norm is not fused.
fn batch_norm_of_an_output() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 5, 12, 12])?;
    let conv = net.conv("conv", x, 20, 1)?;
    let scale = net.constant("scale", &[1, 20, 1, 1])?;
    let y = net.binary("mul", mul(), scale, conv)?;
    net.build(&[y, conv], 1)
}

/// x + sigmoid(x), with x a convolution: the other summand depends on the convolution, so it must
/// not be fused as a residual.
fn residual_that_depends_on_the_convolution() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 4, 9, 9])?;
    let conv = net.conv("conv", x, 8, 1)?;
    let gate = net.model.wire_node("gate", sigmoid(), &[conv])?[0];
    let sum = net.binary("sum", add(), conv, gate)?;
    net.build(&[sum], 1)
}

/// Two convolutions added: one of them is fused as the residual of the other.
fn sum_of_two_convolutions() -> Built {
    let mut net = Network::new();
    let x = net.input(&[2, 4, 9, 9])?;
    let (a, b) = (net.conv("a", x, 8, 1)?, net.conv("b", x, 8, 1)?);
    let sum = net.binary("sum", add(), a, b)?;
    let y = net.bound("relu", sum, true, 0.0)?;
    net.build(&[y, sum, b], 2)
}

/// A convolution added to itself: the addition is not fused.
fn doubled() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 4, 9, 9])?;
    let conv = net.conv("conv", x, 8, 1)?;
    let twice = net.binary("twice", add(), conv, conv)?;
    net.build(&[twice], 1)
}

/// Every intermediate value has another reader.
fn everything_used() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 6, 14, 11])?;
    let conv = net.conv("conv", x, 17, 1)?;
    let low = net.bound("low", conv, true, 0.0)?;
    let high = net.bound("high", low, false, 2.0)?;
    let pool = net.pool("pool", high)?;
    let next = net.conv("next", pool, 4, 1)?;
    let other = net.binary("other", mul(), conv, low)?;
    // After an intermediate value that is used, neither a second bound nor a pool is fused.
    net.build(&[next, other, high, pool, low], 3)
}

/// A pool of odd sides without an activation, and an upper bound without a lower one.
fn pool_without_activation() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 3, 15, 7])?;
    let conv = net.conv("conv", x, 5, 1)?;
    let pool = net.pool("pool", conv)?;
    let next = net.conv("next", pool, 5, 1)?;
    let high = net.bound("high", next, false, 0.5)?;
    net.build(&[high], 2)
}

/// A grouped convolution that is not depthwise is not replaced.
fn groups() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 8, 9, 9])?;
    let grouped = net.conv("grouped", x, 8, 2)?;
    let depthwise = net.conv("depthwise", grouped, 8, 8)?;
    net.build(&[depthwise], 1)
}

/// Max-pools of several windows. One whose last window reaches beyond the padding is not replaced.
fn pools() -> Built {
    let mut net = Network::new();
    let x = net.input(&[2, 5, 39, 57])?;
    let mut outputs = vec![];
    for (side, stride, pad) in [(3, 2, 1), (3, 1, 1), (2, 2, 0), (5, 3, 2)] {
        let pool = MaxPool::new(Network::window(side, stride, pad, [5; 2]), None);
        outputs.push(net.model.wire_node(format!("{side}/{stride}"), pool, &[x])?[0]);
    }
    let padding = PaddingSpec::ExplicitOnnxPool(tvec![0, 0], tvec![0, 0], true);
    let window = PoolSpec { padding, ..Network::window(2, 2, 0, [5; 2]) };
    outputs.push(net.model.wire_node("ceiling", MaxPool::new(window, None), &[x])?[0]);
    net.build(&outputs, 4)
}

/// A bound for each channel: the clipping is not fused.
fn bounds_that_differ() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 3, 9, 9])?;
    let conv = net.conv("conv", x, 6, 1)?;
    let bounds = net.constant("bounds", &[1, 6, 1, 1])?;
    let y = net.binary("max", max(), conv, bounds)?;
    net.build(&[y], 1)
}

/// Dense layers with weights in both orders, and a backward product with one of the matrices.
fn dense() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 300])?;
    let matrix = net.constant("matrix", &[300, 260])?;
    let rows = net.constant("rows", &[310, 260])?;
    let product =
        |axes: &str| -> TractResult<EinSum> { Ok(EinSum::new(axes.parse()?, f32::datum_type())) };
    let y = net.model.wire_node("by_columns", product("mk,kn->mn")?, &[x, matrix])?[0];
    let z = net.model.wire_node("by_rows", product("mk,nk->mn")?, &[y, rows])?[0];
    let back = net.model.wire_node("back", product("mn,nk->mk")?, &[z, rows])?[0];
    net.build(&[y, z, back], 3)
}

/// Products of which only sums are used, after a reshape and a move of axes. One product is an
/// output as well.
fn sums_of_products() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 300])?;
    let columns = net.constant("columns", &[300, 360])?;
    let rows = net.constant("rows", &[360, 300])?;
    let mut outputs = Vec::new();
    for (name, axes, matrix, is_output) in [
        ("by_columns", "mk,kn->mn", columns, false),
        ("by_rows", "mk,nk->mn", rows, false),
        ("output", "mk,kn->mn", columns, true),
    ] {
        let product = EinSum::new(axes.parse()?, f32::datum_type());
        let y = net.model.wire_node(name, product, &[x, matrix])?[0];
        let shape = AxisOp::Reshape(1, tvec![360.to_dim()], tvec![4.into(), 9.into(), 10.into()]);
        let cube = net.model.wire_node(format!("{name}.cube"), shape, &[y])?[0];
        let moved = net.model.wire_node(format!("{name}.moved"), AxisOp::Move(3, 1), &[cube])?[0];
        let sum = Reduce::new(tvec![1, 3], Reducer::Sum);
        outputs.push(net.model.wire_node(format!("{name}.sum"), sum, &[moved])?[0]);
        outputs.extend(is_output.then_some(y));
    }
    net.build(&outputs, 3)
}

/// Dense layers that read the feature maps of a ReLU. The weights are stored output by output: of
/// one layer directly, of the other as a transposed constant.
fn dense_of_feature_maps() -> Built {
    let mut net = Network::new();
    let x = net.input(&[1, 3, 32, 32])?;
    let y = net.conv("conv", x, 64, 1)?;
    let y = net.bound("relu", y, true, 0.0)?;
    let y = net.pool("pool", y)?;
    let (from, to) = (tvec![64.to_dim(), 16.to_dim(), 16.to_dim()], tvec![16384.to_dim()]);
    let y = net.model.wire_node("flat", AxisOp::Reshape(1, from, to), &[y])?[0];
    let rows = net.constant("rows", &[260, 16384])?;
    let columns = net.constant("columns", &[16384, 260])?;
    let transposed = net.model.wire_node("transpose", AxisOp::Move(1, 0), &[columns])?[0];
    let mut outputs = Vec::new();
    for (name, matrix) in [("direct", rows), ("transposed", transposed)] {
        let product = EinSum::new("mk,nk->mn".parse()?, f32::datum_type());
        outputs.extend(net.model.wire_node(name, product, &[y, matrix])?);
    }
    net.build(&outputs, 3)
}

#[test]
fn dense_weights_after_a_relu_are_transposed() {
    let (mut model, _) = dense_of_feature_maps().unwrap();
    let stored = model.node_by_name("rows").unwrap().outputs[0].fact.konst.clone().unwrap();
    let replaced = transpose_dense(&mut model).unwrap();
    let [(original, transposed)] = replaced.as_slice() else {
        panic!("{} tensors transposed", replaced.len())
    };
    assert!(Weak::ptr_eq(original, &Arc::downgrade(&stored)));
    assert_eq!(transposed.shape(), [16384, 260]);
    let shape = |name: &str| {
        let node = model.node_by_name(name).unwrap();
        let reads = model.node_input_facts(node.id).unwrap()[1].konst.clone();
        reads.unwrap().shape().to_vec()
    };
    assert_eq!([shape("direct"), shape("transposed")], [[16384, 260], [16384, 260]]);
    let (mut model, _) = dense().unwrap();
    assert!(transpose_dense(&mut model).unwrap().is_empty(), "not after feature maps");
}

/// Products with several vectors, the rows of a matrix.
fn several_vectors() -> Built {
    let mut net = Network::new();
    let x = net.input(&[7, 300])?;
    let matrix = net.constant("matrix", &[300, 260])?;
    let product = EinSum::new("mk,kn->mn".parse()?, f32::datum_type());
    let y = net.model.wire_node("product", product, &[x, matrix])?[0];
    let matrix = net.constant("second", &[270, 260])?;
    let product = EinSum::new("mk,nk->mn".parse()?, f32::datum_type());
    let y = net.model.wire_node("products", product, &[y, matrix])?[0];
    net.build(&[y], 2)
}

/// Products with the columns of a matrix are not replaced, even if the matrix is square.
fn several_columns() -> Built {
    let mut net = Network::new();
    let x = net.input(&[300, 300])?;
    let matrix = net.constant("matrix", &[300, 300])?;
    let product = EinSum::new("km,kn->mn".parse()?, f32::datum_type());
    let y = net.model.wire_node("product", product, &[x, matrix])?[0];
    let product = EinSum::new("mk,kn->nm".parse()?, f32::datum_type());
    let z = net.model.wire_node("transposed", product, &[x, matrix])?[0];
    net.build(&[y, z], 0)
}

/// The greatest difference between the outputs of a rewritten model and those of tract, relative to
/// the greatest value of an output. Each output of a pruned model must be the same to the bit.
fn error(built: Built, dense_precision: WeightPrecision) -> TractResult<f32> {
    let (model, wanted) = built?;
    let pool = ThreadPool::new(2)?;
    let mut fast = model.clone();
    pool.run(|| transpose_dense(&mut fast))?;
    let rewriter = GraphRewriter { dense_precision, ..GraphRewriter::default() };
    let replaced = pool.run(|| rewriter.rewrite(&mut fast))?;
    ensure!(replaced == wanted, "{replaced} nodes replaced instead of {wanted}");
    let fact = model.input_fact(0)?;
    let shape = fact.shape.as_concrete().context("a concrete shape")?;
    let x = Random(3).floats(shape.iter().product());
    let x = Tensor::from_shape(shape, &x)?;
    let expected = model.into_optimized()?.into_runnable()?.run(tvec![x.clone().into()])?;
    let fast = fast.into_optimized()?;
    let runnable = fast.clone().into_runnable()?;
    let got = pool.run(|| runnable.run(tvec![x.clone().into()]))?;
    for (outlet, whole) in fast.outputs.iter().zip(&got) {
        let mut pruned = fast.clone();
        prune(&mut pruned, &[*outlet])?;
        for node in &pruned.nodes {
            let unused = node.outputs.iter().filter(|output| output.successors.is_empty()).count();
            let outputs = pruned.outputs.iter().filter(|outlet| outlet.node == node.id).count();
            ensure!(unused <= outputs, "{node} has an unused output");
        }
        let runnable = pruned.into_runnable()?;
        let alone = pool.run(|| runnable.run(tvec![x.clone().into()]))?;
        ensure!(
            alone.len() == 1 && alone[0] == *whole,
            "{outlet:?} differs when it is the only output"
        );
    }
    let mut worst = 0f32;
    for (got, expected) in got.iter().zip(&expected) {
        let (got, expected) =
            (got.to_plain_array_view::<f32>()?, expected.to_plain_array_view::<f32>()?);
        ensure!(got.shape() == expected.shape(), "{:?} and {:?}", got.shape(), expected.shape());
        let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        for (got, expected) in got.iter().zip(expected) {
            worst = worst.max((got - expected).abs() / largest);
        }
    }
    Ok(worst)
}

/// The name of a network, and the function that builds it.
type Named = (&'static str, fn() -> Built);

#[test]
fn rewritten_models_compute_the_same() {
    let networks: [Named; 15] = [
        ("batch norm", batch_norm),
        ("batch norm of an output", batch_norm_of_an_output),
        ("residual that depends on the convolution", residual_that_depends_on_the_convolution),
        ("sum of two convolutions", sum_of_two_convolutions),
        ("doubled", doubled),
        ("everything used", everything_used),
        ("pool without activation", pool_without_activation),
        ("groups", groups),
        ("pools", pools),
        ("bounds that differ", bounds_that_differ),
        ("dense", dense),
        ("sums of products", sums_of_products),
        ("dense of feature maps", dense_of_feature_maps),
        ("several vectors", several_vectors),
        ("several columns", several_columns),
    ];
    let failures: Vec<String> = networks
        .into_iter()
        .filter_map(|(name, network)| match error(network(), WeightPrecision::F32) {
            Ok(error) if error <= 2e-5 => None,
            Ok(error) => Some(format!("{name}: error {error:.1e}")),
            Err(error) => Some(format!("{name}: {error:?}")),
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn half_precision_weights_cause_a_small_error() {
    let error = error(dense(), WeightPrecision::F16).unwrap();
    // Rounding to 11 bits changes each weight by up to 2⁻¹¹ of itself. The errors of several layers
    // add up, and many cancel out.
    assert!(error > 1e-6 && error < 5e-4, "{error:e}");
}
