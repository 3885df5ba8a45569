use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ndarray::ArrayD;

use super::completion::Completion;
use super::forward_plans::{ForwardPlans, OutputSet};
use super::{
    CancellationToken, Engine, Graph, Plan, RuntimeError, SharedWeights, Values, tensor_input,
};
use crate::onnx::pb::TensorProto;
use crate::onnx::{self, Facts};

/// A model that can be run: its compiled forward pass, its graph without the large weights, and
/// those weights. It never reads the model's files again.
#[derive(Debug)]
pub struct Network {
    name: String,
    input: String,
    graph: onnx::Model,
    facts: Arc<Facts>,
    forward: ForwardPlans,
    weights: SharedWeights,
    engine: Engine,
}

/// The values that a forward pass gives, for each [`OutputSet`].
#[derive(Debug, Clone, Default)]
pub struct ForwardOutputs {
    /// The values of [`OutputSet::Scores`].
    pub scores: Vec<String>,
    /// The further values of [`OutputSet::Layers`].
    pub layers: Vec<String>,
}

impl Network {
    /// Compiles `graph`, which is `model` as the engine read it. `model` need not have the data of
    /// `weights`. `facts` are the graph's, `input` is the name of the picture input.
    ///
    /// # Errors
    /// [`RuntimeError`].
    #[expect(clippy::too_many_arguments, reason = "each is a part of the network")]
    pub fn compile(
        name: &str,
        model: onnx::Model,
        graph: Graph,
        mut weights: SharedWeights,
        facts: Arc<Facts>,
        input: &str,
        outputs: &ForwardOutputs,
        engine: &Engine,
    ) -> Result<Self, RuntimeError> {
        let ForwardOutputs { scores, layers } = outputs;
        let forward = ForwardPlans::compile(graph, scores, layers, &mut weights, engine)?;
        let (name, input, engine) = (name.to_owned(), input.to_owned(), engine.clone());
        Ok(Self { name, input, graph: model, facts, forward, weights, engine })
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the picture input.
    #[must_use]
    pub fn input_name(&self) -> &str {
        &self.input
    }

    /// The graph without its large weights.
    #[must_use]
    pub fn graph(&self) -> &onnx::Model {
        &self.graph
    }

    /// Shape and type of every value.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The engine that runs the network.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The large weights, for other plans to share.
    #[must_use]
    pub fn weights(&self) -> &SharedWeights {
        &self.weights
    }

    /// The stored tensors called `names`, with their data.
    ///
    /// # Errors
    /// [`RuntimeError::Engine`] if a tensor cannot be read.
    pub fn tensors(
        &self,
        names: &HashSet<String>,
    ) -> Result<HashMap<String, TensorProto>, RuntimeError> {
        let mut tensors = self.graph.tensors(names);
        for name in names {
            if let Some(tensor) = self.weights.tensor(name)? {
                tensors.insert(name.clone(), tensor);
            }
        }
        Ok(tensors)
    }

    /// The memory that the values of one forward pass take at its peak, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        let sets = [OutputSet::Scores, OutputSet::Layers];
        sets.map(|set| self.forward.plan(set).peak_bytes()).into_iter().max().unwrap_or(0)
    }

    /// The memory that the network's constants take, in bytes: packed kernels, matrices and stored
    /// weights.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.stored().values().sum()
    }

    /// The memory that the constants of `plan` take in addition to those of the network, in bytes.
    #[must_use]
    pub fn additional_bytes(&self, plan: &Plan) -> usize {
        let stored = self.stored();
        let additional = plan.stored_bytes().into_iter();
        additional.filter(|(address, _)| !stored.contains_key(address)).map(|(_, it)| it).sum()
    }

    /// The memory that each constant takes, by its address.
    fn stored(&self) -> HashMap<usize, usize> {
        let mut stored = self.forward.plan(OutputSet::Layers).stored_bytes();
        stored.extend(self.weights.stored_bytes());
        stored
    }

    /// The smallest set of forward values that contains all of `needed`. [`OutputSet::Layers`] if
    /// no set contains them all.
    #[must_use]
    pub fn output_set(&self, needed: &[String]) -> OutputSet {
        self.forward.output_set(needed.iter().filter(|name| **name != self.input))
    }

    /// One forward pass: the input itself, the logits, and the other values of `outputs`. `tensor`
    /// has the shape of the picture input, batch 1.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn forward(
        &self,
        tensor: ArrayD<f32>,
        outputs: OutputSet,
        token: &CancellationToken,
    ) -> Result<Values, RuntimeError> {
        let tensor = tensor_input(tensor);
        let mut values = self.forward.plan(outputs).run(vec![tensor.clone()], token)?;
        values.insert(&self.input, tensor);
        Ok(values)
    }

    /// Returns `values` of a forward pass together with all of `wanted`. Fused values are computed
    /// by running the missing nodes on values that the plan gives.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn complete(
        &self,
        values: &Values,
        wanted: &[String],
        token: &CancellationToken,
    ) -> Result<Values, RuntimeError> {
        let mut values = values.clone();
        let missing: Vec<String> =
            wanted.iter().filter(|name| !values.contains(name)).cloned().collect();
        if missing.is_empty() {
            return Ok(values);
        }
        let completion = self.completion(|name| values.contains(name), &missing)?;
        if let Some(completion) = completion {
            let computed = completion.run(&values, token)?;
            values.extend(computed);
        }
        Ok(values)
    }

    /// A plan for `wanted`, where there is anything to compute. `is_known` says which values a
    /// forward pass gives.
    pub(super) fn completion(
        &self,
        is_known: impl Fn(&str) -> bool,
        wanted: &[String],
    ) -> Result<Option<Completion>, RuntimeError> {
        let Self { graph, facts, weights, engine, .. } = self;
        Completion::compile(graph, facts, weights, is_known, wanted, engine)
    }

    pub(super) fn plan(&self, outputs: OutputSet) -> &Plan {
        self.forward.plan(outputs)
    }
}
