use serde::Serialize;

/// A value that fills a gap of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardValue {
    /// The card's key, such as `input.scale`.
    pub key: &'static str,
    /// The value taken.
    pub value: String,
    /// Why this one.
    pub why: &'static str,
}
