use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ndarray::ArrayD;

use super::forward_pass::Completion;
use super::forward_plans::{ForwardPlans, OutputSet};
use super::{
    CancellationToken, CatalogueError, Engine, ForwardPass, Graph, Plan, RuntimeError,
    SharedWeights, Source, Tail, Values, input,
};
use crate::onnx::pb::TensorProto;
use crate::onnx::{self, Facts};

/// A model that can be run: its compiled forward pass, its graph without the large weights, and
/// access to those weights on demand.
#[derive(Debug)]
pub struct Network {
    source: Source,
    input: String,
    graph: onnx::Model,
    facts: Arc<Facts>,
    forward: ForwardPlans,
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
    /// Compiles `graph`, which is `model` as the engine read it. `facts` are the graph's, `input`
    /// is the name of the picture input.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn compile(
        source: Source,
        model: onnx::Model,
        graph: Graph,
        facts: Arc<Facts>,
        input: &str,
        outputs: &ForwardOutputs,
        engine: &Engine,
    ) -> Result<Self, RuntimeError> {
        let without_weights = model.without_weights();
        let forward = ForwardPlans::compile(graph, &outputs.scores, &outputs.layers, engine)?;
        Ok(Self {
            source,
            input: input.to_owned(),
            graph: without_weights,
            facts,
            forward,
            engine: engine.clone(),
        })
    }

    /// Where the model's files are.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
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

    /// The large weights that the forward pass holds, for other plans to share.
    #[must_use]
    pub fn weights(&self) -> SharedWeights {
        self.forward.plan(OutputSet::Layers).weights()
    }

    /// The stored tensors called `names`. Tensors without data in the graph are read from the file
    /// again.
    ///
    /// # Errors
    /// [`CatalogueError`] where the model's files cannot be read or have changed.
    pub fn tensors(
        &self,
        names: HashSet<String>,
    ) -> Result<HashMap<String, TensorProto>, CatalogueError> {
        let without_data = self.graph.without_data();
        let (read, known): (HashSet<_>, HashSet<_>) =
            names.into_iter().partition(|name| without_data.contains(name));
        let mut tensors = self.graph.tensors(&known);
        if !read.is_empty() {
            tensors.extend(self.source.read_tensors(&read)?);
        }
        Ok(tensors)
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
        let tensor = input(tensor);
        let mut values = self.forward.plan(outputs).run(vec![tensor.clone()], token)?;
        values.insert(&self.input, tensor);
        Ok(values)
    }

    /// Returns `values` of a forward pass together with all of `wanted`. The forward pass lacks
    /// values that the compiled plan fuses with others. They are computed from `values` by the
    /// nodes between. The weights of these nodes are read from the file again, and dropped
    /// afterwards.
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
        let completion = Completion::compile(self, |name| values.contains(name), &missing)?;
        if let Some(completion) = completion {
            let computed = completion.run(&values, token)?;
            values.extend(computed);
        }
        Ok(values)
    }

    /// Compiles a forward pass that gives `wanted`, to be run for many inputs.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn forward_pass(&self, wanted: &[String]) -> Result<ForwardPass, RuntimeError> {
        ForwardPass::compile(self, wanted)
    }

    /// Compiles the part behind `value`, which computes `logits` from it, for batches of `rows`, or
    /// of one where the part has a fixed batch.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub fn tail(&self, value: &str, logits: &str, rows: usize) -> Result<Tail, RuntimeError> {
        Tail::compile(self, value, logits, rows)
    }

    pub(super) fn plan(&self, outputs: OutputSet) -> &Plan {
        self.forward.plan(outputs)
    }
}
