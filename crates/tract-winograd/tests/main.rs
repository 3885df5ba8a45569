//! Convolutions, rewritten, against the definition in double precision.

mod case;
mod definition;
mod models;
mod random;
