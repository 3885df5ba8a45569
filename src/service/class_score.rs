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
    /// The class's label, or its index where it has none.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| self.class.to_string(), |name| name.label.clone())
    }
}
