//! Batched products of matrices against the definition in double precision.

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math::add;
use tract_kernels::{GraphRewriter, Isa, ThreadPool};

use crate::random::Random;

/// A product of two values with named axes, in any order, and what is added to it.
#[derive(Debug)]
struct Case {
    /// The axes of the factors and of the output: `b` and `c` are batches, `m` and `p` rows, `n`
    /// and `q` columns, `k` and `l` are summed.
    axes: [Vec<char>; 3],
    extents: [(char, usize); 8],
    /// The axis along which the bias has values, if there is a bias.
    bias: Option<char>,
    residual: bool,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let mut extent = |choices: &[usize]| random.one_of(choices);
        let extents = [
            ('b', extent(&[1, 2, 3])),
            ('c', extent(&[1, 1, 5])),
            ('m', extent(&[4, 7, 14, 49, 100])),
            ('p', extent(&[1, 1, 3])),
            ('n', extent(&[5, 16, 33, 64, 130])),
            ('q', extent(&[1, 1, 4])),
            ('k', extent(&[1, 17, 32, 70, 200])),
            ('l', extent(&[1, 1, 2])),
        ];
        let mut axes = ["bcmpkl", "bcklnq", "bcmpnq"].map(|axes| axes.chars().collect::<Vec<_>>());
        for axes in &mut axes {
            if random.flip() {
                for last in (1..axes.len()).rev() {
                    axes.swap(last, random.below(last + 1));
                }
            }
        }
        let bias = random.one_of(&[None, Some('n'), Some('m')]);
        // Vectors of outputs are rows or columns, not batches.
        let is_batch = |axis: &char| matches!(axis, 'b' | 'c');
        let is_long = |axis: &&char| extents.iter().any(|&(name, at)| name == **axis && at > 1);
        if axes[2].iter().rfind(is_long).is_some_and(is_batch) {
            axes[2].sort_by_key(|axis| !is_batch(axis));
        }
        Self { axes, extents, bias, residual: random.flip() }
    }

    fn extent(&self, axis: char) -> usize {
        self.extents.iter().find(|(name, _)| *name == axis).map_or(1, |(_, extent)| *extent)
    }

    fn shape(&self, array: usize) -> Vec<usize> {
        self.axes[array].iter().map(|&axis| self.extent(axis)).collect()
    }

    fn bias_shape(&self, axis: char) -> Vec<usize> {
        let extent = |name: &char| if *name == axis { self.extent(axis) } else { 1 };
        self.axes[2].iter().map(extent).collect()
    }

    /// The place of the element at `indices`, by axis, in array `array`.
    fn place(&self, array: usize, indices: &[(char, usize)]) -> usize {
        self.axes[array].iter().fold(0, |place, &axis| {
            let index = indices.iter().find(|(name, _)| *name == axis).map_or(0, |(_, at)| *at);
            place * self.extent(axis) + index
        })
    }

    fn definition(&self, [a, b, bias, residual]: [&[f32]; 4]) -> Vec<f64> {
        let mut wanted: Vec<f64> =
            residual.iter().map(|&r| if self.residual { f64::from(r) } else { 0.0 }).collect();
        let mut indices = self.extents.map(|(name, _)| (name, 0));
        loop {
            let output = self.place(2, &indices);
            let factors = [a[self.place(0, &indices)], b[self.place(1, &indices)]];
            wanted[output] += factors.map(f64::from).iter().product::<f64>();
            let is_first = indices.iter().all(|(name, at)| !matches!(name, 'k' | 'l') || *at == 0);
            if let Some(axis) = self.bias.filter(|_| is_first) {
                let at = indices.iter().find(|(name, _)| *name == axis).map_or(0, |(_, at)| *at);
                wanted[output] += f64::from(bias[at]);
            }
            let Some(next) = (0..8).rev().find(|&axis| indices[axis].1 + 1 < self.extents[axis].1)
            else {
                return wanted;
            };
            indices[next].1 += 1;
            indices[next + 1..].iter_mut().for_each(|(_, index)| *index = 0);
        }
    }

    fn model(&self, b: &[f32], bias: &[f32], is_constant: bool) -> TractResult<TypedModel> {
        let mut model = TypedModel::default();
        let x = model.add_source("a", f32::fact(self.shape(0)))?;
        let y = match is_constant {
            true => model.add_const("b", Tensor::from_shape(&self.shape(1), b)?)?,
            false => model.add_source("b", f32::fact(self.shape(1)))?,
        };
        let [first, second, output] =
            self.axes.each_ref().map(|axes| axes.iter().collect::<String>());
        let axes = format!("{first},{second}->{output}");
        let product = EinSum::new(axes.parse()?, f32::datum_type());
        let mut wire = model.wire_node("product", product, &[x, y])?[0];
        if let Some(axis) = self.bias {
            let bias = Tensor::from_shape(&self.bias_shape(axis), bias)?;
            let bias = model.add_const("bias", bias)?;
            wire = model.wire_node("biased", add(), &[wire, bias])?[0];
        }
        if self.residual {
            let residual = model.add_source("residual", f32::fact(self.shape(2)))?;
            wire = model.wire_node("sum", add(), &[residual, wire])?[0];
        }
        model.select_output_outlets(&[wire])?;
        Ok(model)
    }

    /// The greatest error for each instruction set, relative to the greatest output.
    fn check(&self, random: &mut Random, pool: &ThreadPool) -> TractResult<()> {
        let sizes = [0, 1, 2].map(|array| self.shape(array).iter().product());
        let [a, b, residual] = sizes.map(|size| random.floats(size));
        let bias = random.floats(self.bias.map_or(0, |axis| self.extent(axis)));
        let wanted = self.definition([&a, &b, &bias, &residual]);
        let largest = wanted.iter().fold(f64::MIN_POSITIVE, |largest, y| largest.max(y.abs()));
        let is_constant = random.flip();
        for isa in Isa::available() {
            let mut model = self.model(&b, &bias, is_constant)?;
            let rewriter = GraphRewriter { isa, ..GraphRewriter::default() };
            rewriter.rewrite_decluttered(&mut model)?;
            let names: Vec<_> = model.nodes().iter().map(|node| node.op.name()).collect();
            let is_fused = |name: &_| *name == "Product" || *name == "Source" || *name == "Const";
            model.compact()?;
            let remaining = model.nodes().iter().filter(|node| !is_fused(&node.op.name()));
            ensure!(remaining.count() == 0, "{isa:?}: {names:?}");
            let mut inputs = tvec![Tensor::from_shape(&self.shape(0), &a)?.into_tvalue()];
            if !is_constant {
                inputs.push(Tensor::from_shape(&self.shape(1), &b)?.into_tvalue());
            }
            if self.residual {
                inputs.push(Tensor::from_shape(&self.shape(2), &residual)?.into_tvalue());
            }
            let plan = model.into_runnable()?;
            let got = pool.run(|| plan.run(inputs))?;
            let got = got[0].try_as_plain_ram()?;
            for (got, wanted) in got.as_slice::<f32>()?.iter().zip(&wanted) {
                let error = (f64::from(*got) - wanted).abs() / largest;
                ensure!(error < 2e-6, "{isa:?}: {got}, not {wanted}");
            }
        }
        Ok(())
    }
}

#[test]
fn random_products() {
    let pools = [ThreadPool::new(1).unwrap(), ThreadPool::new(3).unwrap()];
    let mut random = Random(3);
    let mut failures = Vec::new();
    let mut tried = 0;
    while tried < 60 {
        let case = Case::random(&mut random);
        let size: usize = case.extents.iter().map(|(_, extent)| extent).product();
        if !(1 << 14..1 << 21).contains(&size) || case.extent('k') * case.extent('l') == 1 {
            continue;
        }
        tried += 1;
        if let Err(error) = case.check(&mut random, &pools[tried % 2]) {
            failures.push(format!("{error:?} in {case:?}"));
        }
    }
    assert!(failures.is_empty(), "{}\n{}", failures.len(), failures.join("\n"));
}

/// A product that another operator reads too is not fused with the addition that follows.
#[test]
fn a_product_with_another_reader_is_kept() {
    let mut model = TypedModel::default();
    let x = model.add_source("x", f32::fact([20, 40])).unwrap();
    let weights = Random(5).floats(40 * 30);
    let weights = model.add_const("w", Tensor::from_shape(&[40, 30], &weights).unwrap()).unwrap();
    let product = EinSum::new("mk,kn->mn".parse().unwrap(), f32::datum_type());
    let product = model.wire_node("product", product, &[x, weights]).unwrap();
    let twice = model.wire_node("twice", add(), &[product[0], product[0]]).unwrap();
    model.select_output_outlets(&[twice[0], product[0]]).unwrap();
    assert_eq!(GraphRewriter::default().rewrite_decluttered(&mut model).unwrap(), 1);
    let x = Tensor::from_shape(&[20, 40], &Random(6).floats(800)).unwrap().into_tvalue();
    let values = model.into_runnable().unwrap().run(tvec![x]).unwrap();
    let views: Vec<_> =
        values.iter().map(|value| value.to_plain_array_view::<f32>().unwrap()).collect();
    assert!(views[0].iter().zip(&views[1]).all(|(twice, product)| *twice == 2.0 * product));
    assert!(views[1].iter().any(|&value| value != 0.0));
}
