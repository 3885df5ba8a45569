//! Fast convolutions for tract.
mod dense;
mod depthwise;
mod direct;
mod finish;
mod layer;
mod matrix;
mod op;
mod product;
mod rewrite;
mod scratch;
mod simd;
mod team;
mod window;
mod winograd;
pub use matrix::{Storage, Weights};
pub use rewrite::Accelerator;
pub use simd::Isa;
pub use team::Team;
