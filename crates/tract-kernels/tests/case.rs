use tract_core::internal::*;
use tract_core::ops::cnn::conv::Conv;
use tract_core::ops::cnn::{KernelFormat, MaxPool, PaddingSpec, PoolSpec};
use tract_core::ops::math::{add, max, min};
use tract_core::ops::nn::DataFormat;
use tract_kernels::{GraphRewriter, Isa, ThreadPool};

use crate::definition::values;
use crate::random::Random;

/// A convolution and the operators after it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) batch: usize,
    /// Input and output channels.
    pub(crate) channels: [usize; 2],
    pub(crate) group: usize,
    pub(crate) input: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) pad_before: [usize; 2],
    pub(crate) pad_after: [usize; 2],
    pub(crate) residual: bool,
    pub(crate) clip: Option<(f32, Option<f32>)>,
    pub(crate) pool: bool,
    /// Which of the four values are outputs of the model. The last one always is.
    pub(crate) is_output: [bool; 4],
}

impl Case {
    pub(crate) fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let span = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            (self.input[axis] + self.pad_before[axis] + self.pad_after[axis] - span)
                / self.stride[axis]
                + 1
        })
    }

    pub(crate) fn weights(&self) -> usize {
        self.channels[1] * self.channels[0] / self.group * self.kernel[0] * self.kernel[1]
    }

    fn random(random: &mut Random) -> Self {
        let three_by_three = random.flip();
        let side = if three_by_three { 3 } else { random.one_of(&[1, 1, 2, 3, 5]) };
        let stride = if three_by_three { 1 } else { random.one_of(&[1, 1, 2, 3]) };
        let dilation = if three_by_three { 1 } else { random.one_of(&[1, 1, 1, 2]) };
        let channels = [1 + random.below(70), 1 + random.below(70)];
        let (channels, group) = match random.below(6) {
            0 if !three_by_three => ([channels[0]; 2], channels[0]),
            _ => (channels, 1),
        };
        let span = (side - 1) * dilation + 1;
        let length = |random: &mut Random| {
            let most = random.one_of(&[9, 50]);
            span + random.below(most)
        };
        let input = [length(random), length(random)];
        let pad = |random: &mut Random| [random.below(2), random.below(2)];
        let mut case = Self {
            batch: 1 + random.below(2),
            channels,
            group,
            input,
            kernel: [side; 2],
            stride: [stride; 2],
            dilation: [dilation; 2],
            pad_before: pad(random),
            pad_after: pad(random),
            residual: random.below(3) == 0,
            clip: random.one_of(&[
                None,
                Some((0.0, None)),
                Some((0.0, None)),
                Some((0.0, Some(6.0))),
            ]),
            pool: false,
            is_output: [random.flip(), random.flip(), random.flip(), true],
        };
        case.pool = random.flip() && case.output().iter().all(|&length| length >= 2);
        case
    }

    /// The model, and the indices of the values that its outputs are.
    pub(crate) fn model(
        &self,
        weights: &[f32],
        bias: &[f32],
    ) -> TractResult<(TypedModel, Vec<usize>)> {
        let mut model = TypedModel::default();
        let [inputs, outputs] = self.channels;
        let [h, w] = self.input;
        let [oh, ow] = self.output();
        let x = model.add_source("x", f32::fact([self.batch, inputs, h, w]))?;
        let shape = [outputs, inputs / self.group, self.kernel[0], self.kernel[1]];
        let weights = model.add_const("w", Tensor::from_shape(&shape, weights)?)?;
        let bias = model.add_const("b", Tensor::from_shape(&[outputs], bias)?)?;
        let pool_spec = PoolSpec::new(
            DataFormat::NCHW,
            self.kernel.as_slice().into(),
            PaddingSpec::Explicit(
                self.pad_before.as_slice().into(),
                self.pad_after.as_slice().into(),
            ),
            Some(self.dilation.as_slice().into()),
            Some(self.stride.as_slice().into()),
            inputs,
            outputs,
        );
        let conv = Conv::new(pool_spec, KernelFormat::OIHW, self.group, None);
        let mut wire = model.wire_node("conv", conv, &[x, weights, bias])?[0];
        let mut stages = vec![(0, wire)];
        if self.residual {
            let r = model.add_source("r", f32::fact([self.batch, outputs, oh, ow]))?;
            wire = model.wire_node("sum", add(), &[wire, r])?[0];
            stages.push((1, wire));
        }
        if let Some((low, high)) = self.clip {
            let low = model.add_const("low", tensor4(&[[[[low]]]]))?;
            wire = model.wire_node("max", max(), &[wire, low])?[0];
            if let Some(high) = high {
                let high = model.add_const("high", tensor4(&[[[[high]]]]))?;
                wire = model.wire_node("min", min(), &[wire, high])?[0];
            }
            stages.push((2, wire));
        }
        if self.pool {
            let pool_spec = PoolSpec::new(
                DataFormat::NCHW,
                tvec![2, 2],
                PaddingSpec::Valid,
                None,
                Some(tvec![2, 2]),
                outputs,
                outputs,
            );
            wire = model.wire_node("pool", MaxPool::new(pool_spec, None), &[wire])?[0];
            stages.push((3, wire));
        }
        stages.retain(|&(value, outlet)| outlet == wire || self.is_output[value]);
        let (values, outlets): (Vec<usize>, Vec<OutletId>) = stages.into_iter().unzip();
        model.select_output_outlets(&outlets)?;
        Ok((model, values))
    }

    /// A message for each instruction set with which this case fails.
    fn failures(&self, random: &mut Random, pool: &ThreadPool) -> Vec<String> {
        let [inputs, outputs] = self.channels;
        let [oh, ow] = self.output();
        let x = random.floats(self.batch * inputs * self.input[0] * self.input[1]);
        let r = random.floats(self.batch * outputs * oh * ow);
        let (w, b) = (random.floats(self.weights()), random.floats(outputs));
        let wanted = values(self, &x, &w, &b, &r);
        let mut failures = Vec::new();
        for isa in Isa::available() {
            let got = self.model(&w, &b).and_then(|(model, indices)| {
                let got = self.run(model, isa, pool, [&x, &r])?;
                error(&wanted, &indices, &got)
            });
            match got {
                Ok(error) if error <= TOLERANCE => {}
                Ok(error) => failures.push(format!("{isa:?}: {error:.1e} in {self:?}")),
                Err(error) => failures.push(format!("{isa:?}: {error:?} in {self:?}")),
            }
        }
        failures
    }

    /// The outputs of `model` after the rewrite.
    pub(crate) fn run(
        &self,
        mut model: TypedModel,
        isa: Isa,
        pool: &ThreadPool,
        [x, r]: [&[f32]; 2],
    ) -> TractResult<TVec<TValue>> {
        let ([inputs, outputs], [oh, ow]) = (self.channels, self.output());
        let rewriter = GraphRewriter { isa, ..GraphRewriter::default() };
        let replaced = pool.run(|| rewriter.rewrite(&mut model))?;
        // The convolution, and the pool where it is not fused.
        let count = |name| model.nodes().iter().filter(|node| node.op.name() == name).count();
        let (convolutions, pools) = (count("FusedConv"), count("MaxPool2d"));
        ensure!(convolutions == 1, "{convolutions} convolutions");
        ensure!(pools <= usize::from(self.pool), "{pools} pools");
        ensure!(replaced == 1 + pools, "{replaced} nodes replaced, {pools} pools");
        let plan = model.into_optimized()?.into_runnable()?;
        let shape = [self.batch, inputs, self.input[0], self.input[1]];
        let mut feed = tvec![Tensor::from_shape(&shape, x)?.into_tvalue()];
        if self.residual {
            let shape = [self.batch, outputs, oh, ow];
            feed.push(Tensor::from_shape(&shape, r)?.into_tvalue());
        }
        pool.run(|| plan.run(feed))
    }
}

/// The greatest difference between the outputs of a model and the definition, relative to the
/// greatest absolute value of the unclipped sum. `indices` tells which values the outputs are.
fn error(wanted: &[Vec<f64>; 4], indices: &[usize], got: &[TValue]) -> TractResult<f64> {
    let largest = wanted[1].iter().fold(f64::MIN_POSITIVE, |a, y| a.max(y.abs()));
    let mut worst = 0f64;
    for (&value, tensor) in indices.iter().zip(got) {
        let got = tensor.to_plain_array_view::<f32>()?;
        let wanted = &wanted[value];
        ensure!(got.len() == wanted.len(), "value {value} has {} elements", got.len());
        for (got, wanted) in got.iter().zip(wanted) {
            let error = (f64::from(*got) - wanted).abs() / largest;
            worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
        }
    }
    Ok(worst)
}

/// The greatest error of a layer that the documentation states.
const TOLERANCE: f64 = 2e-5;

#[test]
fn random_convolutions() {
    let pools = [ThreadPool::new(1).unwrap(), ThreadPool::new(3).unwrap()];
    let mut random = Random(1);
    let failures: Vec<String> = (0..150)
        .flat_map(|index| Case::random(&mut random).failures(&mut random, &pools[index % 2]))
        .collect();
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
}

/// Layers of VGG and ResNet: with many channels, and with images of all sizes.
#[test]
fn layers_of_known_networks() {
    let pool = ThreadPool::new(2).unwrap();
    let layers = [
        ([3, 64], 112, 3, 1, 1),
        ([64, 64], 56, 3, 1, 1),
        ([256, 40], 28, 3, 1, 1),
        ([512, 160], 14, 3, 1, 1),
        ([512, 64], 7, 3, 1, 1),
        ([3, 32], 150, 3, 1, 0),
        ([3, 20], 224, 7, 2, 3),
        ([1024, 64], 14, 1, 1, 0),
        ([512, 128], 28, 1, 2, 0),
        ([128, 128], 28, 3, 2, 1),
    ];
    let mut failures = Vec::new();
    for (channels, side, kernel, stride, pad) in layers {
        let case = Case {
            batch: 1,
            channels,
            group: 1,
            input: [side; 2],
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            pad_before: [pad; 2],
            pad_after: [pad; 2],
            residual: false,
            clip: Some((0.0, None)),
            pool: true,
            is_output: [true; 4],
        };
        failures.extend(case.failures(&mut Random(side as u64), &pool));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
