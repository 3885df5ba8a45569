//! Bytes → picture within limits → tensor.
//!
//! [`decode`] turns a file of any supported format into 8-bit RGB, refusing what is too large before it costs
//! anything. A [`Recipe`] then makes the model's input of the picture, exactly as Pillow and Keras
//! would.
//!
//! Knows nothing of models, layers or the network: bytes and plain values in, an array out.

mod decode;
mod error;
mod recipe;
mod resample;

pub use decode::{Format, Picture, decode};
pub use error::PictureError;
pub use recipe::{Color, Crop, Recipe, RecipeError, Resize};
