use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use tract_kernels::{prune, stored_bytes, vzeroupper};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan::{SimplePlan, eval};

use super::peak_memory::peak_bytes;
use super::{CancellationToken, Engine, Interrupted, RuntimeError};

/// A compiled graph that holds its weights and is shared by all requests.
#[derive(Debug)]
pub struct Plan {
    runnable: Arc<TypedSimplePlan>,
    engine: Engine,
    outputs: HashMap<String, usize>,
}

/// A value as the engine has it. Clones share its memory.
pub type ValueHandle = TValue;

/// Values that a plan computed, by name. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Values {
    by_name: HashMap<String, TValue>,
}

impl Plan {
    /// A plan of the compiled graph `runnable`, whose results are `outputs` in that order.
    pub(super) fn new(runnable: Arc<TypedSimplePlan>, outputs: &[String], engine: Engine) -> Self {
        Self { runnable, engine, outputs: outputs.iter().cloned().zip(0..).collect() }
    }

    /// A plan that computes only `outputs`, which must be among this plan's outputs. Both plans
    /// hold the same weights.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchValue`] and [`RuntimeError::Engine`].
    pub fn pruned(&self, outputs: &[String]) -> Result<Self, RuntimeError> {
        let mut model = self.runnable.model().clone();
        let outlet = |name: &String| {
            let index = self.outputs.get(name);
            let index = index.ok_or_else(|| RuntimeError::NoSuchValue(name.clone()))?;
            Ok(model.outputs[*index])
        };
        let outlets = outputs.iter().map(outlet).collect::<Result<Vec<_>, RuntimeError>>()?;
        let pruned = || {
            prune(&mut model, &outlets)?;
            SimplePlan::new(model)
        };
        let runnable = pruned().map_err(RuntimeError::engine("pruning the graph"))?;
        Ok(Self::new(runnable, outputs, self.engine.clone()))
    }

    /// Whether the plan computes a value of this name.
    #[must_use]
    pub fn gives(&self, name: &str) -> bool {
        self.outputs.contains_key(name)
    }

    /// The memory that the values of one run take at its peak, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> usize {
        peak_bytes(&self.runnable)
    }

    /// The memory that each of the plan's constants takes, in bytes, by its address.
    pub(super) fn stored_bytes(&self) -> HashMap<usize, usize> {
        stored_bytes(self.runnable.model())
    }

    /// Runs the plan. `inputs` are in the order of the model's inputs. Each is freed after its last
    /// use, unless someone else holds it.
    ///
    /// # Errors
    /// [`RuntimeError::Interrupted`] and [`RuntimeError::Engine`].
    pub fn run(
        &self,
        inputs: Vec<ValueHandle>,
        token: &CancellationToken,
    ) -> Result<Values, RuntimeError> {
        let mut state = self.runnable.spawn().map_err(RuntimeError::engine("starting a run"))?;
        let mut stopped: Option<Interrupted> = None;
        let result = self.engine.run(|| {
            state.run_plan_with_eval(inputs.into(), |context, op_state, node, inputs| {
                token.check().map_err(|reason| {
                    stopped = Some(reason);
                    TractError::from(reason)
                })?;
                let values = eval(context, op_state, node, inputs);
                // tract's own kernels leave the upper halves of the vector registers in use, which
                // makes all code that follows slow.
                vzeroupper();
                values
            })
        });
        let computed = match (result, stopped) {
            (Ok(computed), _) => computed,
            (Err(_), Some(reason)) => return Err(reason.into()),
            (Err(error), None) => return Err(RuntimeError::engine("running the graph")(error)),
        };
        let by_name = self
            .outputs
            .iter()
            .map(|(name, &index)| (name.clone(), computed[index].clone()))
            .collect();
        Ok(Values { by_name })
    }
}

impl Values {
    /// A value as the engine has it. It can be passed to another plan without a copy.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchValue`].
    pub fn handle(&self, name: &str) -> Result<ValueHandle, RuntimeError> {
        let value = self.by_name.get(name).cloned();
        value.ok_or_else(|| RuntimeError::NoSuchValue(name.to_owned()))
    }

    /// A float32 view of a value.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchValue`], and [`RuntimeError::Engine`] for another element type.
    pub fn view(&self, name: &str) -> Result<ArrayViewD<'_, f32>, RuntimeError> {
        let value = self.by_name.get(name);
        let value = value.ok_or_else(|| RuntimeError::NoSuchValue(name.to_owned()))?;
        value.to_plain_array_view::<f32>().map_err(RuntimeError::engine("reading an output"))
    }

    /// Removes a value and returns it as an array, without a copy if nothing else holds it.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn take(&mut self, name: &str) -> Result<ArrayD<f32>, RuntimeError> {
        let value = self.by_name.remove(name);
        let value = value.ok_or_else(|| RuntimeError::NoSuchValue(name.to_owned()))?;
        let array = value.into_tensor().into_plain_array::<f32>();
        array.map_err(RuntimeError::engine("reading an output"))
    }

    /// Whether there is such a value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Adds one value.
    pub fn insert(&mut self, name: &str, value: ValueHandle) {
        self.by_name.insert(name.to_owned(), value);
    }

    /// Adds the values of another run.
    pub fn extend(&mut self, other: Self) {
        self.by_name.extend(other.by_name);
    }

    /// Memory that the values hold, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.by_name.values().map(|value| value.len() * value.datum_type().size_of()).sum()
    }
}

/// An array as the engine's input, without a copy.
#[must_use]
pub fn tensor_input(array: ArrayD<f32>) -> ValueHandle {
    Tensor::from(array).into_tvalue()
}
