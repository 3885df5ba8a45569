use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ndarray::ArrayD;

use super::forward_plans::{ForwardPlans, OutputSet};
use super::{
    CancellationToken, CatalogueError, Engine, Graph, RuntimeError, SharedWeights, Source, Values,
    tensor_input,
};
use crate::onnx::pb::TensorProto;
use crate::onnx::{self, Facts, Topology};

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
        let tensor = tensor_input(tensor);
        let mut values = self.forward.plan(outputs).run(vec![tensor.clone()], token)?;
        values.insert(&self.input, tensor);
        Ok(values)
    }

    /// Returns `values` of a forward pass together with all of `wanted`. Fused values are computed
    /// by running the missing nodes on values that the plan gives. The weights of these nodes are
    /// read from the file again, and dropped afterwards.
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
        let topology = Topology::of(&self.graph)?;
        let known = |name: &str| values.contains(name);
        let part = onnx::subgraph(&self.graph, &topology, &self.facts, known, &missing)?;
        let weights = self.tensors(part.without_data())?;
        let part = part.with_weights(weights);
        let names: Vec<&str> = part.inputs().iter().map(|input| input.name.as_str()).collect();
        let shape = |name: &&str| self.facts.shape(name).map(<[usize]>::to_vec).unwrap_or_default();
        let shapes: Vec<Vec<usize>> = names.iter().map(shape).collect();
        let graph = Graph::read(&part, self.source.directory(), &shapes)?;
        let plan = graph.compile(&missing, &self.engine)?;
        let inputs = names.iter().map(|name| values.handle(name)).collect::<Result<_, _>>()?;
        values.extend(plan.run(inputs, token)?);
        Ok(values)
    }
}
