use std::sync::Arc;

use crate::attribution::{Map, Method, Sign};
use crate::explain::Seed;
use crate::onnx::Layer;
use crate::service::{CachedForward, ClassScore};

/// The maps, and the forward pass that they explain.
#[derive(Debug)]
pub struct Explanation {
    pub(in crate::service) forward: Arc<CachedForward>,
    pub(in crate::service) maps: Vec<ClassMap>,
    /// Passes through the network that the maps took.
    pub(in crate::service) passes: u64,
}

/// The map of one method for one class, at one layer or of several that are fused.
#[derive(Debug, Clone)]
pub(in crate::service) struct ClassMap {
    pub(in crate::service) method: &'static Method,
    /// The layers. Empty where the method reads none.
    pub(in crate::service) layers: Vec<Layer>,
    pub(in crate::service) class: ClassScore,
    pub(in crate::service) seed: Seed,
    pub(in crate::service) sign: Sign,
    /// Negated where the sign is negative.
    pub(in crate::service) map: Map,
    /// Passes through the network that the map took.
    pub(in crate::service) passes: u64,
}

impl ClassMap {
    /// Whether both signs are shown.
    pub(super) fn is_signed(&self) -> bool {
        self.sign == Sign::Both
    }

    /// The layer's name, where there is one layer.
    pub(in crate::service) fn only_layer(&self) -> Option<&str> {
        match self.layers.as_slice() {
            [layer] => Some(layer.name()),
            _ => None,
        }
    }

    /// Whether nothing is shown: the picture will have no heat.
    pub(super) fn is_empty(&self) -> bool {
        self.map.vmax(self.is_signed(), 100.0) <= 0.0
    }
}
