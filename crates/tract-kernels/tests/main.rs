//! Rewritten models against the definition in double precision and against tract.

mod case;
mod definition;
mod gradients;
mod models;
mod network;
mod products;
mod random;
mod zero_windows;
