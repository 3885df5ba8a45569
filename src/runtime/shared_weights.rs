use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tract_kernels::SharedMatrix;
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
    /// The tensor, or its transpose.
    Tensor(Weight),
    /// A matrix that plans hold too, and whether it is the transpose of the weight in the file.
    Matrix(SharedMatrix, bool),
}

/// A weight for a graph.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    pub(super) tensor: Arc<Tensor>,
    /// Whether rows and columns are exchanged, compared with the file.
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
            let weight = Weight { tensor: Arc::clone(tensor), is_transposed: false };
            (is_same && is_large).then(|| (stored.name.clone(), Stored::Tensor(weight)))
        });
        Self { by_name: Arc::new(held.collect()) }
    }

    /// Whether the tensor of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The memory that each tensor takes, by its address.
    pub(super) fn stored_bytes(&self) -> HashMap<usize, usize> {
        let bytes = |stored: &Stored| match stored {
            Stored::Tensor(weight) => (Arc::as_ptr(&weight.tensor).addr(), bytes(&weight.tensor)),
            Stored::Matrix(matrix, _) => matrix.stored_bytes(),
        };
        self.by_name.values().map(bytes).collect()
    }

    /// The tensor called `name` for a graph. None if there is none.
    pub(super) fn get(&self, name: &str) -> TractResult<Option<Weight>> {
        Ok(match self.by_name.get(name) {
            None => None,
            Some(Stored::Tensor(weight)) => Some(weight.clone()),
            Some(&Stored::Matrix(ref matrix, is_transposed)) => {
                Some(Weight { tensor: matrix.tensor()?, is_transposed })
            }
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

    /// Holds what the plans of `engine` hold, in place of the originals: transposed tensors, and
    /// matrices that several plans share or that were rounded. Each pair is a tensor before and
    /// after it was transposed.
    pub(super) fn replace_compiled(
        &mut self,
        transposed: &[(Weak<Tensor>, Arc<Tensor>)],
        engine: &Engine,
    ) -> TractResult<()> {
        for stored in Arc::make_mut(&mut self.by_name).values_mut() {
            let Stored::Tensor(weight) = stored else { continue };
            let is_this = |before: &Weak<Tensor>| before.as_ptr() == Arc::as_ptr(&weight.tensor);
            if let Some((_, tensor)) = transposed.iter().find(|(before, _)| is_this(before)) {
                *weight = Weight { tensor: Arc::clone(tensor), is_transposed: true };
            }
            if let Some(matrix) = engine.shared_matrix(&weight.tensor)? {
                let is_transposed = weight.is_transposed != matrix.is_transposed();
                *stored = Stored::Matrix(matrix, is_transposed);
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
