use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

/// A PNG file. It serializes as base64, which is written straight into the answer.
#[derive(Debug)]
pub(super) struct Base64Png(pub(super) Vec<u8>);

impl Serialize for Base64Png {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &STANDARD))
    }
}
