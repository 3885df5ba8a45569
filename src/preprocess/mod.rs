//! Bytes → picture within limits → tensor.
//!
//! [`decode`] turns a file of any supported format into 8-bit RGB. It refuses a picture that is too
//! large before it spends time or memory on it. [`Preprocessing`] then turns the picture into the
//! model's input, exactly as Pillow and Keras do.
//!
//! This module does not depend on models, layers or HTTP. It takes bytes and plain values, and
//! returns an array.

mod decode;
mod error;
mod preprocessing;
mod preset;
mod resample;

pub use decode::{Format, Picture, decode, decode_while};
pub use error::PictureError;
pub use preprocessing::{Color, Crop, Preprocessing, PreprocessingError};
pub use preset::Preset;
pub use resample::Resize;
