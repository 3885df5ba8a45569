//! See what a convolutional network sees: activations and Grad-CAM of any ONNX image classifier.

pub mod config;
pub mod explain;
pub mod onnx;
pub mod preprocess;
pub mod render;
pub mod runtime;
