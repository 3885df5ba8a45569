use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TypedModelPatch;
use tract_onnx::tract_core::ops::array::Gather;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::optim::Optimizer;
use tract_onnx::tract_core::plan::SimplePlan;
use tract_onnx::tract_hir::infer::InferenceFact;
use tract_onnx::tract_hir::internal::DimLike;
use tract_onnx::tract_hir::ops::array::PermuteAxes;
use tract_onnx::tract_hir::ops::expandable::expand;

use super::facts::read_fact;
use super::node_error::of_node;
use super::shared_weights::Weight;
use super::{
    Engine, Plan, RuntimeError, SharedWeights, constant_cost, ignored_attributes, own_operators,
    resize_10, unknown_operators,
};
use crate::onnx::{Facts, Model};

/// A graph as tract has read it, with its weights. A model is read once, for its facts and for
/// compiling.
#[derive(Debug)]
pub struct Graph {
    graph: InferenceModel,
    outlets: HashMap<String, OutletId>,
}

impl Graph {
    /// Reads `model` for inputs of the given shapes, in the order of [`Model::inputs`].
    ///
    /// # Errors
    /// [`RuntimeError::Node`] and [`RuntimeError::Engine`] where tract cannot read the graph or
    /// finds it contradictory. [`RuntimeError::UnknownOperator`].
    /// [`RuntimeError::IgnoredAttribute`] where tract would compute something else than ONNX.
    /// [`RuntimeError::CostlyConstant`].
    pub fn read(model: &Model, input_shapes: &[Vec<usize>]) -> Result<Self, RuntimeError> {
        let read = || {
            let graph = Self::parse(model, input_shapes, &SharedWeights::default())?;
            constant_cost::check(model, &graph.graph)?;
            graph.analyse()
        };
        supported(model).and_then(|()| read()).map_err(|error| of_node(model, error))
    }

    /// Reads a graph that was made of one that has been read: a part of it, or a gradient. Inputs
    /// that have the name of one of `weights` are replaced by it; `input_shapes` leaves them out.
    /// The cost of constants is not checked again.
    ///
    /// # Errors
    /// As [`Graph::read`].
    pub fn read_with(
        model: &Model,
        input_shapes: &[Vec<usize>],
        weights: &SharedWeights,
    ) -> Result<Self, RuntimeError> {
        let read = || Self::parse(model, input_shapes, weights)?.analyse();
        supported(model).and_then(|()| read()).map_err(|error| of_node(model, error))
    }

    /// The graph without shapes of inner values.
    fn parse(
        model: &Model,
        input_shapes: &[Vec<usize>],
        weights: &SharedWeights,
    ) -> Result<Self, RuntimeError> {
        // The file's declarations of inner values and outputs are ignored: exporters write symbolic
        // or wrong shapes there, and tract infers its own.
        let parsed = own_operators::onnx()
            .with_ignore_output_types(true)
            .with_ignore_value_info(true)
            .parse(&resize_10::with_rounding(model), None)
            .map_err(RuntimeError::engine("reading the graph"))?;
        let mut graph = parsed.model;
        fix_inputs(&mut graph, weights).map_err(RuntimeError::engine("fixing the inputs"))?;
        for (index, shape) in input_shapes.iter().enumerate() {
            let declared =
                graph.input_fact(index).map_err(RuntimeError::engine("reading the inputs"))?;
            let fact = InferenceFact { shape: shape.iter().copied().collect(), ..declared.clone() };
            graph
                .set_input_fact(index, fact)
                .map_err(RuntimeError::engine("setting the input's shape"))?;
        }
        Ok(Self { graph, outlets: parsed.outlets_by_name })
    }

    /// Infers shapes and computes constants.
    fn analyse(mut self) -> Result<Self, RuntimeError> {
        self.graph.analyse(true).map_err(RuntimeError::engine("inferring shapes"))?;
        Ok(self)
    }

    /// The large stored tensors of `model`, which this graph was read from.
    #[must_use]
    pub fn weights(&self, model: &Model) -> SharedWeights {
        SharedWeights::of(model, self.graph.nodes())
    }

    /// Shape, type and constant value of every value of the main graph. Values are absent if tract
    /// cannot infer their shape or type.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for node in self.graph.nodes() {
            for (slot, outlet) in node.outputs.iter().enumerate() {
                let label = self.graph.outlet_label(OutletId::new(node.id, slot));
                if let Some(fact) = read_fact(&outlet.fact) {
                    facts.insert(label.unwrap_or(&node.name), fact);
                }
            }
        }
        facts
    }

    /// Compiles the graph to compute `outputs` with `engine`.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchValue`] and [`RuntimeError::Engine`].
    pub fn compile(self, outputs: &[String], engine: &Engine) -> Result<Plan, RuntimeError> {
        self.compile_sharing(outputs, &mut SharedWeights::default(), engine)
    }

    /// Like [`Graph::compile`]. `weights` are the graph's. Afterwards they are in memory once with
    /// those of the plan, where the plan holds them unpacked.
    ///
    /// # Errors
    /// As [`Graph::compile`].
    pub fn compile_sharing(
        self,
        outputs: &[String],
        weights: &mut SharedWeights,
        engine: &Engine,
    ) -> Result<Plan, RuntimeError> {
        let outlet = |name: &String| {
            let outlet = self.outlets.get(name).copied();
            outlet.ok_or_else(|| RuntimeError::NoSuchValue(name.clone()))
        };
        let outlets = outputs.iter().map(outlet).collect::<Result<Vec<_>, _>>()?;
        let compile = || {
            let mut typed = self.graph.with_output_outlets(&outlets)?.into_typed()?;
            cast_weights(&mut typed)?;
            index_strided_slices(&mut typed)?;
            let transposed = engine.accelerate(&mut typed)?;
            optimize(&mut typed, engine)?;
            let plan = SimplePlan::new(typed)?;
            weights.replace_compiled(&transposed, engine)?;
            Ok(plan)
        };
        let runnable = engine.run(compile).map_err(RuntimeError::engine("compiling the graph"))?;
        Ok(Plan::new(runnable, outputs, engine.clone()))
    }
}

/// Whether tract knows the operators of `model`, and all attributes that matter.
fn supported(model: &Model) -> Result<(), RuntimeError> {
    unknown_operators::check(model)?;
    ignored_attributes::check(model)
}

/// Replaces the inputs that have the name of one of `weights` by it.
fn fix_inputs(graph: &mut InferenceModel, weights: &SharedWeights) -> TractResult<()> {
    let inputs = graph.input_outlets()?.to_vec();
    let mut remaining = Vec::with_capacity(inputs.len());
    for input in inputs {
        let name = graph.node(input.node).name.clone();
        let Some(Weight { tensor, is_transposed }) = weights.get(&name)? else {
            remaining.push(input);
            continue;
        };
        if is_transposed {
            let transposed = graph.add_const(format!("{name}.transposed"), tensor)?;
            let node = graph.node_mut(input.node);
            node.op = expand(PermuteAxes::new(Some(tvec![1, 0])));
            node.outputs[0].fact = InferenceFact::default();
            graph.add_edge(transposed, InletId::new(input.node, 0))?;
        } else {
            let node = graph.node_mut(input.node);
            node.outputs[0].fact = InferenceFact::try_from(&tensor)?;
            node.op = Box::new(Const::new(tensor)?);
        }
    }
    graph.set_input_outlets(&remaining)
}

/// Runs tract's optimizer without the pass that moves a slice towards the inputs. That pass copies
/// every operator that it passes. In the gradient of a DenseNet, slices of sums of slices follow
/// each other, and the copies take a minute.
fn optimize(model: &mut TypedModel, engine: &Engine) -> TractResult<()> {
    let mut passes = Optimizer::declutter();
    passes.passes.retain(|pass| format!("{pass:?}") != "PushSliceUp");
    passes.optimize(model)?;
    engine.accelerate_decluttered(model)?;
    model.optimize()
}

/// Reads every n-th element of an axis by its index. tract moves its own operator for it towards
/// the inputs, which fails at some reshapes (LeViT).
fn index_strided_slices(model: &mut TypedModel) -> TractResult<()> {
    for id in 0..model.nodes.len() {
        let node = model.node(id);
        let Some(&Downsample { axis, stride, modulo }) = node.op_as::<Downsample>() else {
            continue;
        };
        let extent = model.outlet_fact(node.inputs[0])?.shape[axis].to_usize()? as i64;
        let all = modulo as i64..extent;
        let indices: Vec<i64> = match stride {
            0.. => all.step_by(stride.unsigned_abs().max(1)).collect(),
            _ => all.rev().step_by(stride.unsigned_abs()).collect(),
        };
        let mut patch = TypedModelPatch::default();
        let whole = patch.tap_model(model, node.inputs[0])?;
        let indices = patch.add_const(format!("{}.indices", node.name), tensor1(&indices))?;
        let wire = patch.wire_node(&node.name, Gather::new(axis), &[whole, indices])?;
        patch.shunt_outside(model, id.into(), wire[0])?;
        patch.apply(model)?;
    }
    Ok(())
}

/// Casts weights that are stored in another precision, once. tract would cast them for every
/// picture, because it does not fold a constant whose result is large.
fn cast_weights(model: &mut TypedModel) -> TractResult<()> {
    for id in 0..model.nodes.len() {
        let node = model.node(id);
        if !node.op_is::<Cast>() {
            continue;
        }
        let Some(stored) = model.outlet_fact(node.inputs[0])?.konst.clone() else { continue };
        let Some(cast) = node.op.eval_out_of_plan(tvec![stored.into_tvalue()])? else { continue };
        let mut patch = TypedModelPatch::default();
        for value in cast {
            let wire = patch.add_const(&node.name, value.into_arc_tensor())?;
            patch.shunt_outside(model, id.into(), wire)?;
        }
        patch.apply(model)?;
    }
    Ok(())
}
