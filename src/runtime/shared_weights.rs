use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tract_onnx::prelude::Tensor;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::infer::InferenceNode;

/// A large stored tensor.
#[derive(Debug, Clone)]
pub(super) struct Stored<T> {
    pub(super) tensor: T,
    /// Whether rows and columns are exchanged, compared with the file.
    pub(super) is_transposed: bool,
}

/// The large stored tensors that a model's plan holds, for other plans to share.
#[derive(Debug, Clone, Default)]
pub struct SharedWeights {
    by_name: HashMap<String, Stored<Arc<Tensor>>>,
}

impl SharedWeights {
    /// Whether the tensor of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Stored<Arc<Tensor>>> {
        self.by_name.get(name)
    }
}

/// Weak references to the large stored tensors of a model. Plans keep the tensors in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct WeakWeights {
    by_name: HashMap<String, Stored<Weak<Tensor>>>,
}

/// Tensors of at least this many elements are shared between plans.
const MIN_SHARED_ELEMENTS: usize = 1 << 16;

impl WeakWeights {
    /// The large tensors of `nodes`.
    pub(super) fn of(nodes: &[InferenceNode]) -> Self {
        let large = |node: &InferenceNode| {
            let tensor = node.op_as::<Const>()?.val();
            let tensor = (tensor.len() >= MIN_SHARED_ELEMENTS).then(|| Arc::downgrade(tensor))?;
            Some((node.name.clone(), Stored { tensor, is_transposed: false }))
        };
        Self { by_name: nodes.iter().filter_map(large).collect() }
    }

    /// Refers to the transposed tensor in place of the original. Each pair is a tensor before and
    /// after it was transposed.
    pub(super) fn replace_transposed(&mut self, transposed: &[(Weak<Tensor>, Arc<Tensor>)]) {
        for stored in self.by_name.values_mut() {
            if let Some((_, tensor)) =
                transposed.iter().find(|(before, _)| before.ptr_eq(&stored.tensor))
            {
                *stored =
                    Stored { tensor: Arc::downgrade(tensor), is_transposed: !stored.is_transposed };
            }
        }
    }

    /// The tensors that are still in memory.
    pub(super) fn weights(&self) -> SharedWeights {
        let alive = self.by_name.iter().filter_map(|(name, stored)| {
            let Stored { is_transposed, ref tensor } = *stored;
            Some((name.clone(), Stored { tensor: tensor.upgrade()?, is_transposed }))
        });
        SharedWeights { by_name: alive.collect() }
    }
}
