//! Times the forward pass of an ONNX file, and of its operators.
//!
//!     cargo run --release -p tract-kernels --example network -- MODEL.onnx THREADS RUNS
//!
//! Prints the least and the median of the runs in milliseconds, then the operators whose time is
//! largest in the fastest of the runs. The input is noise. With `tract` as a fourth argument,
//! tract's own operators run.

#![allow(clippy::print_stdout, reason = "the program prints a table")]

use std::collections::BTreeMap;
use std::env;
use std::time::Instant;

use tract_kernels::{GraphRewriter, ThreadPool, vzeroupper};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{DimLike, TractErrorContext};
use tract_onnx::tract_core::optim::Optimizer;
use tract_onnx::tract_core::plan::{SimplePlan, eval};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

fn main() -> TractResult<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, threads, runs, rest @ ..] = arguments.as_slice() else { return Ok(()) };
    let pool = ThreadPool::new(threads.parse()?)?;
    let mut graph = tract_onnx::onnx()
        .with_ignore_output_types(true)
        .with_ignore_value_info(true)
        .model_for_path(path)?;
    let declared = graph.input_fact(0)?.shape.concretize();
    let shape: TVec<usize> = declared
        .context("the shape of the input is unknown")?
        .iter()
        .map(|dim| Ok(dim.to_usize()?))
        .collect::<TractResult<_>>()?;
    graph.set_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape.as_slice()))?;
    graph.analyse(true)?;
    let mut model = graph.into_typed()?;
    let rewriter = rest.is_empty().then(GraphRewriter::default);
    if let Some(rewriter) = &rewriter {
        model.prop_consts()?;
        pool.run(|| rewriter.rewrite(&mut model))?;
    }
    let mut passes = Optimizer::declutter();
    passes.passes.retain(|pass| format!("{pass:?}") != "PushSliceUp");
    passes.optimize(&mut model)?;
    if let Some(rewriter) = &rewriter {
        rewriter.rewrite_decluttered(&mut model)?;
    }
    model.optimize()?;
    let plan = SimplePlan::new(model)?;
    let image = Tensor::from_shape(&shape, &noise(shape.iter().product()))?.into_tvalue();
    let mut times = Vec::new();
    let mut fastest = BTreeMap::new();
    for _ in 0..runs.parse()? {
        let mut operators: BTreeMap<String, (usize, f64)> = BTreeMap::new();
        let mut state = plan.spawn()?;
        let start = Instant::now();
        pool.run(|| {
            state.run_plan_with_eval(tvec![image.clone()], |context, op_state, node, inputs| {
                let start = Instant::now();
                let values = eval(context, op_state, node, inputs);
                vzeroupper();
                let entry = operators.entry(node.op.name().into_owned()).or_default();
                *entry = (entry.0 + 1, entry.1 + start.elapsed().as_secs_f64() * 1e3);
                values
            })
        })?;
        let time = start.elapsed().as_secs_f64() * 1e3;
        if times.iter().all(|earlier| time < *earlier) {
            fastest = operators;
        }
        times.push(time);
    }
    times.sort_by(f64::total_cmp);
    println!("{:.2} {:.2}", times[0], times[times.len() / 2]);
    let mut fastest: Vec<_> = fastest.into_iter().collect();
    fastest.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    for (name, (count, time)) in fastest.into_iter().take(16) {
        println!("    {time:8.3} {count:4} {name}");
    }
    Ok(())
}

/// Numbers between −1 and 1.
fn noise(count: usize) -> Vec<f32> {
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    std::iter::repeat_n((), count).scan(1, |state, ()| next(state)).collect()
}
