use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tract_kernels::RoundedWeights;
use tract_onnx::prelude::{DatumType, Tensor, TractResult};
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::infer::InferenceNode;

use super::{Engine, RuntimeError};
use crate::onnx::Model;
use crate::onnx::pb::TensorProto;
use crate::onnx::pb::tensor_proto::DataType;

/// The large stored tensors of a model, by name. They are held for as long as the model, so that
/// gradient graphs can be compiled whatever has become of the model's files. Tensors that the
/// forward plan holds too are in memory once.
#[derive(Debug, Clone, Default)]
pub struct SharedWeights {
    by_name: Arc<HashMap<String, Stored>>,
}

/// A large stored tensor.
#[derive(Debug, Clone)]
enum Stored {
    /// The tensor of the file.
    Plain(Arc<Tensor>),
    /// The same tensor with rows and columns exchanged.
    Transposed(Arc<Tensor>),
    /// A matrix that a plan holds in half precision.
    Rounded(RoundedWeights),
}

/// A weight for a graph. It may be the transpose of the weight in the file.
pub(super) struct Weight {
    pub(super) tensor: Arc<Tensor>,
    pub(super) is_transposed: bool,
}

/// Tensors of at least this many bytes are shared. Smaller ones stay in the graph.
const LARGE: usize = 4096;

impl SharedWeights {
    /// The large initializers of `model`, as the engine has read them into `nodes`.
    pub(super) fn of(model: &Model, nodes: &[InferenceNode]) -> Self {
        let constants: HashMap<&str, &Arc<Tensor>> = nodes
            .iter()
            .filter_map(|node| Some((node.name.as_str(), node.op_as::<Const>()?.val())))
            .collect();
        let held = model.graph().initializer.iter().filter_map(|stored| {
            let &tensor = constants.get(stored.name.as_str())?;
            let is_same = data_type(tensor.datum_type()) == Some(stored.data_type)
                && stored.dims.iter().map(|&dim| dim as usize).eq(tensor.shape().iter().copied());
            let is_large = bytes(tensor) >= LARGE;
            (is_same && is_large).then(|| (stored.name.clone(), Stored::Plain(Arc::clone(tensor))))
        });
        Self { by_name: Arc::new(held.collect()) }
    }

    /// Whether the tensor of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The memory that each tensor takes, by its address. It leaves out rounded matrices, which
    /// only plans hold.
    pub(super) fn stored_bytes(&self) -> HashMap<usize, usize> {
        let tensor = |stored: &Stored| match stored {
            Stored::Plain(tensor) | Stored::Transposed(tensor) => {
                Some((Arc::as_ptr(tensor).addr(), bytes(tensor)))
            }
            Stored::Rounded(_) => None,
        };
        self.by_name.values().filter_map(tensor).collect()
    }

    /// The tensor called `name` for a graph. None if there is none.
    pub(super) fn get(&self, name: &str) -> TractResult<Option<Weight>> {
        let weight = |tensor, is_transposed| Weight { tensor, is_transposed };
        Ok(match self.by_name.get(name) {
            None => None,
            Some(Stored::Plain(tensor)) => Some(weight(Arc::clone(tensor), false)),
            Some(Stored::Transposed(tensor)) => Some(weight(Arc::clone(tensor), true)),
            Some(Stored::Rounded(matrix)) => Some(weight(Arc::new(matrix.to_f32()?), false)),
        })
    }

    /// The tensor called `name` in the format of the file. None if there is none.
    ///
    /// # Errors
    /// [`RuntimeError::Engine`] if the tensor's elements cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Option<TensorProto>, RuntimeError> {
        let read = || -> TractResult<Option<TensorProto>> {
            let Some(Weight { tensor, is_transposed }) = self.get(name)? else { return Ok(None) };
            let tensor = match is_transposed {
                true => Arc::new(Tensor::clone(&tensor).permute_axes(&[1, 0])?),
                false => tensor,
            };
            Ok(Some(TensorProto {
                name: name.to_owned(),
                dims: tensor.shape().iter().map(|&dim| dim as i64).collect(),
                data_type: data_type(tensor.datum_type()).unwrap_or_default(),
                raw_data: tensor.try_as_plain_ram()?.as_bytes().to_vec(),
                ..TensorProto::default()
            }))
        };
        read().map_err(RuntimeError::engine("reading a weight"))
    }

    /// Holds what a plan of `engine` holds, in place of the originals: transposed tensors, and
    /// matrices in half precision. Each pair is a tensor before and after it was transposed.
    pub(super) fn replace_compiled(
        &mut self,
        transposed: &[(Weak<Tensor>, Arc<Tensor>)],
        engine: &Engine,
    ) -> TractResult<()> {
        for stored in Arc::make_mut(&mut self.by_name).values_mut() {
            let Stored::Plain(tensor) = stored else { continue };
            let pair = transposed
                .iter()
                .find(|(before, _)| std::ptr::eq(before.as_ptr(), &raw const **tensor));
            if let Some((_, tensor)) = pair {
                *stored = Stored::Transposed(Arc::clone(tensor));
            }
        }
        for stored in Arc::make_mut(&mut self.by_name).values_mut() {
            let rounded = match stored {
                Stored::Plain(tensor) => engine.rounded(tensor)?,
                Stored::Transposed(tensor) => {
                    engine.rounded(&Tensor::clone(tensor).permute_axes(&[1, 0])?)?
                }
                Stored::Rounded(_) => None,
            };
            if let Some(matrix) = rounded {
                *stored = Stored::Rounded(matrix);
            }
        }
        Ok(())
    }
}

fn bytes(tensor: &Tensor) -> usize {
    tensor.len() * tensor.datum_type().size_of()
}

/// ONNX's number of an element type. None for types whose elements the engine stores in another
/// way.
fn data_type(datum_type: DatumType) -> Option<i32> {
    let data_type = match datum_type {
        DatumType::F32 => DataType::Float,
        DatumType::F16 => DataType::Float16,
        DatumType::F64 => DataType::Double,
        DatumType::I64 => DataType::Int64,
        DatumType::I32 => DataType::Int32,
        DatumType::I8 => DataType::Int8,
        DatumType::U8 => DataType::Uint8,
        _ => return None,
    };
    Some(data_type as i32)
}
