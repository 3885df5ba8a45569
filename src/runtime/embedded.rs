//! The convnet that is embedded in the binary, so that convscope works without a models folder.

pub(super) const NAME: &str = "cats_and_dogs_small_1";
pub(super) const CARD: &str = include_str!("../../models/cats_and_dogs_small_1/model.toml");
pub(super) const LABELS: &str = include_str!("../../models/cats_and_dogs_small_1/labels.json");
pub(super) const MODEL: &[u8] = include_bytes!("../../models/cats_and_dogs_small_1/model.onnx");
