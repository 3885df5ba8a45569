use serde::Serialize;

use crate::runtime::ClassName;

/// A class and how likely the network finds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScore {
    /// Its index.
    pub class: usize,
    /// Its identifier and label, where the model names its classes.
    #[serde(flatten)]
    pub name: Option<ClassName>,
    /// Its probability, where the model gives probabilities.
    pub probability: Option<f64>,
    /// Its logit.
    pub logit: f32,
}

impl ClassScore {
    /// The most bytes of a class with one of these names in JSON. A character of a name has at most
    /// six: `\u0000`.
    pub(super) fn most_json_bytes(names: &[ClassName]) -> u64 {
        let length = |name: &ClassName| name.label.len() + name.id.as_ref().map_or(0, String::len);
        let longest = names.iter().map(length).max().unwrap_or(0) as u64;
        Self::NUMBERS_BYTES + 6 * longest
    }

    /// The most bytes of the numbers and keys.
    const NUMBERS_BYTES: u64 = 160;

    /// The class's label, or its index where it has none.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| self.class.to_string(), |name| name.label.clone())
    }

    /// The probability in per cent, or the logit where the model gives no probabilities.
    #[must_use]
    pub fn score(&self) -> String {
        match self.probability {
            Some(probability) => format!("{:.1} %", probability * 100.0),
            None => format!("{:.2}", self.logit),
        }
    }
}
