//! Measures the layers of known networks, computed by this crate and by tract itself.
//!
//!     cargo run --release -p tract-kernels --example layers -- 2          # threads
//!     cargo run --release -p tract-kernels --example layers -- 1 avx2     # an instruction set
//!     cargo run --release -p tract-kernels --example layers -- 1 tract

#![allow(clippy::print_stdout, reason = "the program prints a table")]

use std::env;
use std::time::Instant;

use tract_core::internal::*;
use tract_core::ops::cnn::conv::Conv;
use tract_core::ops::cnn::{KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::math::max;
use tract_core::ops::nn::DataFormat;
use tract_kernels::{GraphRewriter, Isa, ThreadPool};

/// Input and output channels, side, kernel, stride, padding, groups.
type Layer = ([usize; 2], usize, usize, usize, usize, usize);

const LAYERS: [(&str, &[Layer]); 3] = [
    (
        "VGG16",
        &[
            ([3, 64], 224, 3, 1, 1, 1),
            ([64, 64], 224, 3, 1, 1, 1),
            ([64, 128], 112, 3, 1, 1, 1),
            ([128, 128], 112, 3, 1, 1, 1),
            ([128, 256], 56, 3, 1, 1, 1),
            ([256, 256], 56, 3, 1, 1, 1),
            ([256, 512], 28, 3, 1, 1, 1),
            ([512, 512], 28, 3, 1, 1, 1),
            ([512, 512], 14, 3, 1, 1, 1),
        ],
    ),
    (
        "ResNet-50",
        &[
            ([3, 64], 224, 7, 2, 3, 1),
            ([64, 64], 56, 3, 1, 1, 1),
            ([64, 256], 56, 1, 1, 0, 1),
            ([128, 128], 56, 3, 2, 1, 1),
            ([512, 128], 28, 1, 1, 0, 1),
            ([256, 512], 56, 1, 2, 0, 1),
            ([1024, 256], 14, 1, 1, 0, 1),
            ([512, 512], 7, 3, 1, 1, 1),
            ([2048, 512], 7, 1, 1, 0, 1),
        ],
    ),
    (
        "MobileNetV2, EfficientNet",
        &[
            ([3, 32], 224, 3, 2, 1, 1),
            ([16, 96], 112, 1, 1, 0, 1),
            ([32, 32], 112, 3, 1, 1, 32),
            ([96, 96], 112, 3, 2, 1, 96),
            ([144, 144], 56, 3, 1, 1, 144),
            ([240, 240], 28, 5, 1, 2, 240),
            ([672, 672], 14, 5, 1, 2, 672),
            ([960, 960], 7, 3, 1, 1, 960),
            ([320, 1280], 7, 1, 1, 0, 1),
        ],
    ),
];

fn main() -> TractResult<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let threads = arguments.first().map_or(Ok(1), |text| text.parse())?;
    let wanted = arguments.get(1).map_or("", String::as_str);
    let isa = Isa::available().into_iter().find(|isa| isa.name() == wanted).unwrap_or_default();
    let rewriter = (wanted != "tract").then(|| GraphRewriter { isa, ..GraphRewriter::default() });
    let pool = ThreadPool::new(threads)?;
    for (network, layers) in LAYERS {
        println!("{network}");
        for layer in layers {
            let (milliseconds, operations) = time(layer, rewriter.as_ref(), &pool)?;
            let ([from, to], side, kernel, stride, _, group) = *layer;
            let what = format!("{from}→{to} at {side}, {kernel}×{kernel}/{stride}, {group} groups");
            let rate = operations / milliseconds / 1e6;
            println!("  {what:<36} {milliseconds:8.3} ms {rate:7.1} GFLOP/s");
        }
    }
    Ok(())
}

/// The least time of a layer with its ReLU, in milliseconds, and the number of operations by the
/// definition of a convolution.
fn time(
    &([from, to], side, kernel, stride, pad, group): &Layer,
    rewriter: Option<&GraphRewriter>,
    pool: &ThreadPool,
) -> TractResult<(f64, f64)> {
    let mut model = TypedModel::default();
    let image = model.add_source("image", f32::fact([1, from, side, side]))?;
    let shape = [to, from / group, kernel, kernel];
    let weights = noise(shape.iter().product());
    let operations = 2 * weights.len() * ((side + 2 * pad - kernel) / stride + 1).pow(2);
    let weights = model.add_const("weights", Tensor::from_shape(&shape, &weights)?)?;
    let bias = model.add_const("bias", Tensor::zero::<f32>(&[to])?)?;
    let padding = PaddingSpec::Explicit(tvec![pad, pad], tvec![pad, pad]);
    let (kernel, stride) = (tvec![kernel, kernel], Some(tvec![stride, stride]));
    let window = PoolSpec::new(DataFormat::NCHW, kernel, padding, None, stride, from, to);
    let conv = Conv::new(window, KernelFormat::OIHW, group, None);
    let sums = model.wire_node("conv", conv, &[image, weights, bias])?;
    let zero = model.add_const("zero", tensor4(&[[[[0f32]]]]))?;
    let output = model.wire_node("relu", max(), &[sums[0], zero])?;
    model.select_output_outlets(&output)?;
    if let Some(rewriter) = rewriter {
        rewriter.rewrite(&mut model)?;
    }
    let plan = model.into_optimized()?.into_runnable()?;
    let image = Tensor::from_shape(&[1, from, side, side], &noise(from * side * side))?;
    let image = image.into_tvalue();
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        pool.run(|| plan.run(tvec![image.clone()]))?;
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok((least, operations as f64))
}

/// Numbers between −1 and 1. With equal numbers a processor draws less power and is faster.
fn noise(count: usize) -> Vec<f32> {
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    std::iter::repeat_n((), count).scan(1, |state, ()| next(state)).collect()
}
