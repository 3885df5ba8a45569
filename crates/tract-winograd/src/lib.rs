//! Fast convolutions for tract.
mod depthwise;
mod direct;
mod finish;
mod layer;
mod op;
mod product;
mod rewrite;
mod scratch;
mod simd;
mod team;
mod window;
mod winograd;
pub use rewrite::accelerate;
pub use simd::Isa;
pub use team::Team;
