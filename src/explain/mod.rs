//! Arrays → arrays: what a layer's channels hold, and which part of a picture spoke for a class.
//!
//! Layers come as views of shape channels × height × width, float32; a layer stored height × width
//! × channels is passed as a permuted view and costs no copy. NaN and infinity are counted and
//! reported, never a panic.

mod channels;
mod levels;
mod seed;

pub use channels::{ChannelStatistics, Order, channel_statistics, select};
pub use levels::{Normalize, levels};
pub use seed::{Score, Seed, SeedError, probabilities, seed};
