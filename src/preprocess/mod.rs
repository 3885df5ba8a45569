//! Bytes → picture within limits → tensor.
//!
//! [`decode`] turns a file of any supported format into 8-bit RGB. It refuses a picture that is too
//! large before it spends time or memory on it. [`Preprocessing`] then turns the picture into the
//! model's input, exactly as Pillow and Keras do.
//!
//! This module knows nothing of models, layers or the network. It takes bytes and plain values, and
//! gives an array.

mod decode;
mod error;
mod preprocessing;
mod resample;

pub use decode::{Format, Picture, decode};
pub use error::PictureError;
pub use preprocessing::{Color, Crop, Preprocessing, PreprocessingError, Resize};
