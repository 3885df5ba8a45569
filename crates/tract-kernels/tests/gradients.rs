//! Backward operators against their definition.

use tract_core::internal::*;
use tract_kernels::{GraphRewriter, MaxPoolGradient, ReluGradient, ThreadPool};

use crate::random::Random;

/// What `op` gives for the two inputs, in a rewritten model, on two threads.
fn run(op: impl TypedOp + 'static, inputs: [Tensor; 2]) -> TractResult<Tensor> {
    let mut model = TypedModel::default();
    let sources = [("a", &inputs[0]), ("b", &inputs[1])]
        .map(|(name, tensor)| model.add_source(name, f32::fact(tensor.shape())));
    let [a, b] = sources;
    let output = model.wire_node("op", op, &[a?, b?])?;
    model.select_output_outlets(&output)?;
    let pool = ThreadPool::new(2)?;
    pool.run(|| GraphRewriter::default().rewrite(&mut model))?;
    let plan = model.into_optimized()?.into_runnable()?;
    let outputs = pool.run(|| plan.run(inputs.into_iter().map(Into::into).collect()))?;
    Ok(outputs[0].clone().into_tensor())
}

fn numbers(tensor: &Tensor) -> TractResult<Vec<f32>> {
    Ok(tensor.to_plain_array_view::<f32>()?.iter().copied().collect())
}

/// Small whole numbers, so that windows have several maxima.
fn coarse(random: &mut Random, shape: &[usize]) -> TractResult<Tensor> {
    let values: Vec<f32> =
        random.floats(shape.iter().product()).iter().map(|v| (v * 3.0).round()).collect();
    Tensor::from_shape(shape, &values)
}

#[test]
fn a_relu_passes_on_what_its_output_lets_through() -> TractResult<()> {
    let mut random = Random(5);
    let shape = [1, 3, 133, 101];
    let (g, y) = (random.floats(shape.iter().product()), coarse(&mut random, &shape)?);
    let found = run(ReluGradient::default(), [Tensor::from_shape(&shape, &g)?, y.clone()])?;
    for ((found, g), y) in numbers(&found)?.into_iter().zip(g).zip(numbers(&y)?) {
        let expected = if y > 0.0 {
            g
        } else if y < 0.0 {
            -g
        } else {
            0.0
        };
        assert_eq!(found, expected);
    }
    let tiny = [1, 2];
    let y = Tensor::from_shape(&tiny, &[f32::from_bits(1), -f32::from_bits(1)])?;
    let found = run(ReluGradient::default(), [Tensor::from_shape(&tiny, &[3.0f32, 3.0])?, y])?;
    assert_eq!(numbers(&found)?, [3.0, -3.0]);
    Ok(())
}

/// By the definition: for each window, its first maximum.
fn expected(op: &MaxPoolGradient, x: &Tensor, g: &Tensor) -> TractResult<Vec<f32>> {
    let (x, g) = (x.to_plain_array_view::<f32>()?, g.to_plain_array_view::<f32>()?);
    let mut out = x.to_owned();
    out.fill(0.0);
    for (index, &g) in g.indexed_iter() {
        let mut best: Option<(f32, [usize; 4])> = None;
        for ky in 0..op.kernel[0] {
            for kx in 0..op.kernel[1] {
                let place = |axis: usize, tap: usize| {
                    let padded = index[2 + axis] * op.stride[axis] + tap * op.dilation[axis];
                    padded.wrapping_sub(op.pad_before[axis])
                };
                let at = [index[0], index[1], place(0, ky), place(1, kx)];
                if let Some(&value) = x.get(at.as_slice())
                    && best.is_none_or(|(greatest, _)| value > greatest)
                {
                    best = Some((value, at));
                }
            }
        }
        if let Some((_, at)) = best {
            out[at.as_slice()] += g;
        }
    }
    Ok(out.iter().copied().collect())
}

#[test]
fn a_max_pool_gives_each_cotangent_to_the_first_maximum() -> TractResult<()> {
    let mut random = Random(9);
    // Kernel, stride, dilation, padding before, input, pooled.
    let cases = [
        ([2, 2], [2, 2], [1, 1], [0, 0], [8, 12], [4, 6]),
        ([2, 2], [2, 2], [1, 1], [0, 0], [7, 9], [3, 4]),
        ([2, 2], [2, 2], [1, 1], [0, 0], [7, 9], [4, 5]),
        ([3, 3], [2, 2], [1, 1], [1, 1], [9, 14], [5, 7]),
        ([3, 2], [1, 2], [2, 1], [2, 0], [9, 8], [9, 4]),
        ([2, 2], [2, 2], [1, 1], [1, 1], [6, 6], [4, 4]),
        ([1, 1], [3, 3], [1, 1], [0, 0], [7, 7], [3, 3]),
    ];
    for (kernel, stride, dilation, pad_before, input, pooled) in cases {
        let op = MaxPoolGradient::new(kernel, stride, dilation, pad_before);
        let x = coarse(&mut random, &[2, 19, input[0], input[1]])?;
        let g = coarse(&mut random, &[2, 19, pooled[0], pooled[1]])?;
        let wanted = expected(&op, &x, &g)?;
        assert_eq!(numbers(&run(op.clone(), [x, g])?)?, wanted, "{op:?}");
    }
    Ok(())
}
