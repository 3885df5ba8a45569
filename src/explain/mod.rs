//! Arrays → arrays: statistics and levels of a layer's channels, and the seed of the backward pass.
//!
//! Layers are float32 views of shape channels × height × width. A layer that is stored as height ×
//! width × channels is passed as a permuted view, without a copy. NaN and infinity are counted and
//! reported; they never cause a panic.

mod channel_statistics;
mod levels;
mod seed;
mod target;

pub use channel_statistics::{ChannelStatistics, Order, channel_statistics, select};
pub use levels::{Normalize, levels};
pub use seed::{Score, Seed, SeedError, probabilities, seed};
pub use target::Target;
