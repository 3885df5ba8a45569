//! What a channel of a layer responds to: a picture that gradient ascent on the input finds.
//!
//! [`Stem`] is the part of a network up to a layer, for pictures of any size that it can take, with
//! its gradient. [`ascend`] climbs on it: from random pixels as in the book, or in a Fourier basis
//! with decorrelated colours as Lucid does. Both see the network only as an [`Objective`].

mod adam;
mod ascend;
mod ascent;
mod book;
mod fourier;
mod natural;
mod stem;
mod transform;

pub use ascend::ascend;
pub use ascent::{Ascent, Objective, Pattern, Style};
pub use stem::Stem;
