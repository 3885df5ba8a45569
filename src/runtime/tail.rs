use std::collections::HashSet;

use ndarray::{Array2, ArrayD, Axis};

use super::{
    CancellationToken, Graph, HeldBytes, Network, Plan, RuntimeError, Values, tensor_input,
};
use crate::onnx::{self, Model, OnnxError, Topology, reads};

/// The part of a network behind one of its values: it computes the logits from that value. It
/// takes several such values at once, stacked along the batch axis.
#[derive(Debug)]
pub struct Tail {
    plan: Plan,
    value: String,
    logits: String,
    /// What the part reads, in the order of its inputs: `value`, and the values beside the path
    /// from it to the logits, such as the other branch of a residual block.
    inputs: Vec<String>,
    rows: usize,
    /// The memory that the plan takes in addition to the network, in bytes.
    bytes: usize,
}

impl HeldBytes for Tail {
    fn held_bytes(&self) -> usize {
        self.bytes
    }
}

/// The largest difference between two computations of the same logits, relative to the largest
/// logit.
const TOLERANCE: f32 = 1e-3;

impl Tail {
    /// Compiles the part of `network` from `value` to `logits` for batches of `rows`, or of one
    /// where the part has a fixed batch.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn compile(
        network: &Network,
        value: &str,
        logits: &str,
        rows: usize,
        token: &CancellationToken,
    ) -> Result<Self, RuntimeError> {
        let single = Self::with_rows(network, value, logits, 1)?;
        if rows < 2 {
            return Ok(single);
        }
        token.check()?;
        match Self::with_rows(network, value, logits, rows) {
            // A part may take a batch and mix its rows, so its result is compared.
            Ok(batched) if batched.agrees_with(&single, network, token)? => Ok(batched),
            Ok(_) | Err(RuntimeError::Engine { .. } | RuntimeError::Node { .. }) => Ok(single),
            Err(error) => Err(error),
        }
    }

    fn with_rows(
        network: &Network,
        value: &str,
        logits: &str,
        rows: usize,
    ) -> Result<Self, RuntimeError> {
        let facts = network.facts();
        let shared = network.weights();
        let part = part_behind(network, value, logits)?;
        let inputs: Vec<String> = part.inputs().iter().map(|input| input.name.clone()).collect();
        let part = part.with_initializers_as_inputs(|name| shared.contains(name));
        let shape = |name: &str| batched(facts.shape(name).unwrap_or_default(), rows);
        let shapes = inputs.iter().map(|name| shape(name)).collect::<Result<Vec<_>, _>>()?;
        let graph = Graph::read_with(&part, &shapes, shared)?;
        let computed = graph.facts();
        if computed.shape(logits) != Some(&shape(logits)?) {
            return Err(fixed_batch(computed.shape(logits).unwrap_or_default()));
        }
        let plan = graph.compile(&[logits.to_owned()], network.engine())?;
        let bytes = network.additional_bytes(&plan);
        let (value, logits) = (value.to_owned(), logits.to_owned());
        Ok(Self { plan, value, logits, inputs, rows, bytes })
    }

    /// The number of values in a batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values of the forward pass that the part reads beside the one that it starts from.
    pub fn others(&self) -> impl Iterator<Item = &String> {
        self.inputs.iter().filter(|name| **name != self.value)
    }

    /// The [`others`](Self::others) among `values`, repeated for every row of a batch.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn repeated(&self, values: &Values) -> Result<Values, RuntimeError> {
        let mut repeated = Values::default();
        for name in self.others() {
            let value = match self.rows {
                1 => values.handle(name)?,
                rows => {
                    let value = values.view(name)?;
                    let copies = vec![value; rows];
                    let stacked = ndarray::concatenate(Axis(0), &copies);
                    tensor_input(stacked.map_err(|_| RuntimeError::NoSuchValue(name.clone()))?)
                }
            };
            repeated.insert(name, value);
        }
        Ok(repeated)
    }

    /// The logits of a batch, one row each. `batch` has the shape of the value, with
    /// [`rows`](Self::rows) as its first extent. `others` comes from [`repeated`](Self::repeated).
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn run(
        &self,
        batch: ArrayD<f32>,
        others: &Values,
        token: &CancellationToken,
    ) -> Result<Array2<f32>, RuntimeError> {
        let batch = tensor_input(batch);
        let handle = |name: &String| match *name == self.value {
            true => Ok(batch.clone()),
            false => others.handle(name),
        };
        let inputs = self.inputs.iter().map(handle).collect::<Result<_, _>>()?;
        let logits = self.plan.run(inputs, token)?.take(&self.logits)?;
        let units = logits.len() / self.rows;
        let logits = logits.into_shape_with_order((self.rows, units));
        logits.map_err(|_| fixed_batch(&[units]))
    }

    /// Whether one row among others gets the logits that `single` computes for it alone.
    fn agrees_with(
        &self,
        single: &Self,
        network: &Network,
        token: &CancellationToken,
    ) -> Result<bool, RuntimeError> {
        let numbers = |name: &String| {
            let shape = network.facts().shape(name).unwrap_or_default();
            let mut index = 0.0f32;
            ArrayD::from_shape_simple_fn(shape, || {
                index += 1.0;
                (index * 0.7).sin().abs()
            })
        };
        let mut others = Values::default();
        for name in self.others() {
            others.insert(name, tensor_input(numbers(name)));
        }
        let row = numbers(&self.value);
        let mut batch = ArrayD::zeros(batched(row.shape(), self.rows)?);
        batch.index_axis_mut(Axis(0), 1).assign(&row.index_axis(Axis(0), 0));
        let among_others = self.run(batch, &self.repeated(&others)?, token)?;
        let alone = single.run(row, &others, token)?;
        let largest = alone.iter().fold(0.0f32, |largest, z| largest.max(z.abs()));
        let among_others = among_others.row(1);
        let difference = among_others.iter().zip(&alone);
        let difference = difference.fold(0.0f32, |largest, (a, b)| largest.max((a - b).abs()));
        Ok(difference <= TOLERANCE * largest)
    }
}

/// The shape of `rows` values of `shape`, stacked.
fn batched(shape: &[usize], rows: usize) -> Result<Vec<usize>, RuntimeError> {
    match shape {
        [1, rest @ ..] => Ok([&[rows], rest].concat()),
        _ => Err(fixed_batch(shape)),
    }
}

fn fixed_batch(shape: &[usize]) -> RuntimeError {
    let cause = format!("a value of shape {shape:?} has no batch axis");
    RuntimeError::Engine { stage: "stacking values", cause }
}

/// The nodes that lead from `value` to `logits`. Values beside that path are inputs, unless they
/// are the same for every picture.
fn part_behind(network: &Network, value: &str, logits: &str) -> Result<Model, OnnxError> {
    let (graph, facts) = (network.graph(), network.facts());
    let topology = Topology::of(graph)?;
    let mut behind: HashSet<&str> = HashSet::from([value]);
    for &index in topology.order() {
        let node = topology.node(index);
        if reads(node).any(|name| behind.contains(name)) {
            behind.extend(node.output.iter().map(String::as_str));
        }
    }
    let is_constant = |name: &str| {
        let inferred = facts.get(name).is_some_and(|fact| fact.constant.is_some());
        inferred || topology.is_constant(name)
    };
    let is_known = |name: &str| name == value || !(behind.contains(name) || is_constant(name));
    onnx::subgraph(graph, &topology, facts, is_known, &[logits.to_owned()])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::onnx::{Attribute, Builder, Element, Value};
    use crate::runtime::{Engine, ForwardOutputs, OutputSet};

    /// A network of an input `x` of 8 elements, 8 positive ones `first`, `layer`, what `between`
    /// makes of both, and three logits: the sums of its first 1, 2 and 3 elements.
    fn network(between: impl Fn(&Builder, &Value, &Value) -> Value) -> Network {
        let builder = Builder::default();
        let x = builder.input("x", Element::F32, &[1, 2, 2, 2]);
        let relu = |name: &str, x: &Value| {
            let value = x.relu();
            builder.output(name, &value);
            builder.named(name, Element::F32, &[1, 2, 2, 2])
        };
        let first = relu("first", &x);
        let layer = relu("layer", &first);
        let flat = between(&builder, &first, &layer);
        let weights: Vec<f32> = (0..24).map(|i| f32::from(u8::from(i / 3 <= i % 3))).collect();
        let weights = builder.floats("weights", &[8, 3], &weights);
        let logits = builder.node("MatMul", &[&flat, &weights], &[], Element::F32, &[1, 3]);
        builder.output("logits", &logits);
        let model = builder.finish("tail").unwrap();
        let graph = Graph::read(&model, &[vec![1, 2, 2, 2]]).unwrap();
        let weights = graph.weights(&model);
        let facts = Arc::new(graph.facts());
        let outputs = ForwardOutputs {
            scores: vec!["logits".to_owned()],
            layers: vec!["first".to_owned(), "layer".to_owned()],
        };
        let engine = Engine::default();
        Network::compile("tail", model, graph, weights, facts, "x", &outputs, &engine).unwrap()
    }

    fn flat(builder: &Builder, value: &Value, shape: [i64; 2]) -> Value {
        builder.node("Reshape", &[value, &builder.ints(&shape)], &[], Element::F32, &[1, 8])
    }

    /// The logits of a tail, for rows whose elements are 1, 2, 3 … times the row's number.
    fn logits(network: &Network, rows: usize) -> (usize, Vec<Vec<f32>>) {
        let token = CancellationToken::never();
        let tail = Tail::compile(network, "layer", "logits", rows, &token).unwrap();
        let x =
            ArrayD::from_shape_fn(vec![1, 2, 2, 2], |i| (4 * i[1] + 2 * i[2] + i[3] + 1) as f32);
        let values = network.forward(x, OutputSet::Layers, &token).unwrap();
        let others = tail.repeated(&values).unwrap();
        let mut batch = ArrayD::zeros(vec![tail.rows(), 2, 2, 2]);
        for (row, mut out) in batch.outer_iter_mut().enumerate() {
            let value = values.view("layer").unwrap().to_owned() * row as f32;
            out.assign(&value.index_axis(Axis(0), 0));
        }
        let logits = tail.run(batch, &others, &token).unwrap();
        (tail.rows(), logits.outer_iter().map(|row| row.to_vec()).collect())
    }

    #[test]
    fn each_row_of_a_batch_has_its_own_logits() {
        let network = network(|builder, _, layer| flat(builder, layer, [-1, 8]));
        let (rows, logits) = logits(&network, 4);
        assert_eq!(rows, 4);
        for (row, logits) in logits.iter().enumerate() {
            assert_eq!(*logits, [1.0, 3.0, 6.0].map(|sum| sum * row as f32));
        }
    }

    #[test]
    fn values_beside_the_path_are_those_of_the_picture() {
        let network = network(|builder, first, layer| flat(builder, &(first + layer), [-1, 8]));
        for rows in [1, 3] {
            for (row, logits) in logits(&network, rows).1.iter().enumerate() {
                assert_eq!(*logits, [1.0, 3.0, 6.0].map(|sum| sum * (row + 1) as f32));
            }
        }
    }

    #[test]
    fn a_tail_with_a_fixed_batch_takes_one_value_at_a_time() {
        let network = network(|builder, _, layer| flat(builder, layer, [1, 8]));
        assert_eq!(logits(&network, 4).0, 1);
    }

    #[test]
    fn a_tail_that_mixes_the_rows_of_a_batch_takes_one_value_at_a_time() {
        let network = network(|builder, _, layer| {
            let axes = [("axes", Attribute::Ints(vec![0]))];
            let shape = [1, 2, 2, 2];
            let mean = builder.node("ReduceMean", &[layer], &axes, Element::F32, &shape);
            flat(builder, &(layer + &(layer + &mean)), [-1, 8])
        });
        assert_eq!(logits(&network, 4).0, 1);
    }
}
