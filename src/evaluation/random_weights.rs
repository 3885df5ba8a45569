//! The same network with random weights: the test of Adebayo et al. 2018
//! (<https://arxiv.org/abs/1810.03292>).

use std::collections::HashMap;

use rand_distr::{Distribution, Normal};

use crate::attribution::generator;
use crate::onnx::pb::NodeProto;
use crate::onnx::{Model, OnnxError, Topology, float_tensor, read_floats};

/// The operators whose weights are drawn anew.
const OPERATORS: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

/// The names of the stored tensors that each weighted node reads, from the end of the network to
/// its start. A bias belongs to its node.
///
/// # Errors
/// [`OnnxError`].
pub fn weighted_nodes(model: &Model) -> Result<Vec<Vec<String>>, OnnxError> {
    let topology = Topology::of(model)?;
    let mut stored: Vec<&str> = model.stored_tensors().map(|(name, _)| name).collect();
    stored.sort_unstable();
    let read = |node: &NodeProto| -> Vec<String> {
        let read = node.input.iter().filter(|name| stored.binary_search(&name.as_str()).is_ok());
        read.cloned().collect()
    };
    let nodes = topology.order().iter().rev().map(|&index| topology.node(index));
    let weighted = nodes.filter(|node| OPERATORS.contains(&node.op_type.as_str()));
    Ok(weighted.map(read).filter(|names| !names.is_empty()).collect())
}

/// The model with the weights of its last `depth` weighted nodes drawn from normal distributions.
/// Each tensor keeps its mean and its standard deviation. The same seed gives the same weights, and
/// a greater depth keeps those of a smaller one. All weights must be in the model.
///
/// # Errors
/// [`OnnxError`] where a weight cannot be read.
pub fn random_weights(model: Model, depth: usize, seed: u64) -> Result<Model, OnnxError> {
    let nodes = weighted_nodes(&model)?;
    let tensors = nodes.iter().take(depth).flatten();
    let names: HashMap<&str, usize> =
        tensors.enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut drawn = HashMap::new();
    for (name, tensor) in model.stored_tensors() {
        let Some(&index) = names.get(name) else { continue };
        let values = read_floats(tensor)?;
        let shape: Vec<usize> = tensor.dims.iter().map(|&dim| dim.max(0) as usize).collect();
        drawn.insert(name.to_owned(), float_tensor(name, &shape, &redrawn(&values, seed, index)));
    }
    Ok(model.with_stored_tensors(drawn))
}

/// Values from the normal distribution with the mean and the standard deviation of `values`.
fn redrawn(values: &[f32], seed: u64, index: usize) -> Vec<f32> {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    let square = |&value: &f32| (f64::from(value) - mean).powi(2);
    let deviation = (values.iter().map(square).sum::<f64>() / n).sqrt();
    let mut generator = generator(seed, index);
    match Normal::new(mean, deviation) {
        Ok(normal) => values.iter().map(|_| normal.sample(&mut generator) as f32).collect(),
        // A mean or a deviation that is not finite.
        Err(_) => values.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Builder, Element};

    fn model() -> Model {
        let builder = Builder::default();
        let mut value = builder.input("x", Element::F32, &[1, 40]);
        for name in ["first", "second"] {
            let weights: Vec<f32> = (0..1600).map(|i| (i % 7) as f32 + 2.0).collect();
            let weights =
                builder.initializer(float_tensor(name, &[40, 40], &weights), Element::F32);
            value = builder.node("MatMul", &[&value, &weights], &[], Element::F32, &[1, 40]);
        }
        builder.output("y", &value);
        builder.finish("graph").unwrap()
    }

    fn weights(model: &Model, name: &str) -> Vec<f32> {
        let found = model.stored_tensors().find(|(stored, _)| *stored == name);
        read_floats(found.unwrap().1).unwrap()
    }

    #[test]
    fn weights_are_drawn_from_the_end_with_their_own_mean_and_deviation() {
        let original = model();
        assert_eq!(weighted_nodes(&original).unwrap(), [["second"], ["first"]]);
        let last = random_weights(model(), 1, 7).unwrap();
        assert_eq!(weights(&last, "first"), weights(&original, "first"));
        let drawn = weights(&last, "second");
        let mean = drawn.iter().sum::<f32>() / 1600.0;
        let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 1600.0;
        assert!((mean - 5.0).abs() < 0.2 && (variance.sqrt() - 2.0).abs() < 0.15, "{mean}");
        let all = random_weights(model(), 2, 7).unwrap();
        assert_eq!(weights(&all, "second"), drawn);
        assert_ne!(weights(&all, "first"), weights(&original, "first"));
        assert_ne!(weights(&random_weights(model(), 2, 8).unwrap(), "second"), drawn);
    }
}
