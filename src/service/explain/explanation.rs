use std::sync::Arc;

use crate::attribution::{Map, Method, Sign};
use crate::explain::Seed;
use crate::service::{CachedForward, ClassScore};

/// The maps, and the forward pass that they explain.
#[derive(Debug)]
pub struct Explanation {
    pub(super) forward: Arc<CachedForward>,
    pub(super) maps: Vec<ClassMap>,
    /// Passes through the network that the maps took.
    pub(super) passes: u64,
}

/// The map of one method for one class.
#[derive(Debug)]
pub(super) struct ClassMap {
    pub(super) method: &'static Method,
    pub(super) class: ClassScore,
    pub(super) seed: Seed,
    pub(super) sign: Sign,
    /// Negated where the sign is negative.
    pub(super) map: Map,
    /// Passes through the network that the map took.
    pub(super) passes: u64,
}

impl ClassMap {
    /// Whether both signs are shown.
    pub(super) fn is_signed(&self) -> bool {
        self.sign == Sign::Both
    }

    /// Whether nothing is shown: the picture will have no heat.
    pub(super) fn is_empty(&self) -> bool {
        self.map.vmax(self.is_signed(), 100.0) <= 0.0
    }
}
