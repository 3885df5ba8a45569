use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tract_onnx::prelude::Tensor;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::infer::InferenceNode;

/// A large stored tensor.
#[derive(Debug, Clone)]
pub(super) struct Stored<T> {
    pub(super) tensor: T,
    /// Rows and columns are exchanged.
    pub(super) is_transposed: bool,
}

/// The large stored tensors of a model that its plan holds, for other plans to share.
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

/// The same, as long as others hold them.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    by_name: HashMap<String, Stored<Weak<Tensor>>>,
}

/// Tensors from so many elements on are worth sharing between plans.
const LARGE: usize = 1 << 16;

impl Held {
    /// Those that `nodes` hold.
    pub(super) fn by(nodes: &[InferenceNode]) -> Self {
        let large = |node: &InferenceNode| {
            let tensor = node.op_as::<Const>()?.val();
            let tensor = (tensor.len() >= LARGE).then(|| Arc::downgrade(tensor))?;
            Some((node.name.clone(), Stored { tensor, is_transposed: false }))
        };
        Self { by_name: nodes.iter().filter_map(large).collect() }
    }

    /// Notes what has come in place of what, with rows and columns exchanged.
    pub(super) fn turn(&mut self, turned: &[(Weak<Tensor>, Arc<Tensor>)]) {
        for stored in self.by_name.values_mut() {
            if let Some((_, tensor)) = turned.iter().find(|(was, _)| was.ptr_eq(&stored.tensor)) {
                *stored =
                    Stored { tensor: Arc::downgrade(tensor), is_transposed: !stored.is_transposed };
            }
        }
    }

    /// Those that are still there.
    pub(super) fn weights(&self) -> SharedWeights {
        let there = self.by_name.iter().filter_map(|(name, stored)| {
            let Stored { is_transposed, ref tensor } = *stored;
            Some((name.clone(), Stored { tensor: tensor.upgrade()?, is_transposed }))
        });
        SharedWeights { by_name: there.collect() }
    }
}
