use serde::Serialize;

use super::{Classifier, ServiceError};
use crate::config::{Activation, excerpt, nearest};
use crate::explain;
use crate::runtime::ClassName;

/// A class with the network's word on it.
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
    /// What a person calls the class.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| self.class.to_string(), |name| name.label.clone())
    }
}

impl Classifier {
    /// The class that a caller means by an index, a label or an identifier. Case and the
    /// difference between spaces and underscores do not count.
    ///
    /// # Errors
    /// [`ServiceError::UnknownClass`] and [`ServiceError::AmbiguousClass`].
    pub fn class(&self, given: &str) -> Result<usize, ServiceError> {
        let classes = self.settings().classes;
        if let Ok(index) = given.trim().parse::<usize>()
            && index < classes
        {
            return Ok(index);
        }
        let wanted = folded(given);
        let is_meant = |name: &ClassName| {
            folded(&name.label) == wanted
                || name.id.as_deref().is_some_and(|id| folded(id) == wanted)
        };
        let named = self.labels().iter().enumerate().filter(|(_, name)| is_meant(name));
        match named.map(|(index, _)| index).collect::<Vec<_>>().as_slice() {
            &[index] => Ok(index),
            [] => {
                let labels = self.labels().iter().map(|name| name.label.as_str());
                let nearest = nearest(given, labels).into_iter().map(str::to_owned).collect();
                Err(ServiceError::UnknownClass { class: excerpt(given), classes, nearest })
            }
            several => Err(ServiceError::AmbiguousClass {
                class: excerpt(given),
                indices: several.to_vec(),
            }),
        }
    }

    /// Every class, the likeliest first; `logits` are the network's.
    #[must_use]
    pub fn ranked(&self, logits: &[f32]) -> Vec<ClassScore> {
        let mut scores = self.scored(logits);
        // The logit tells apart what has rounded to the same probability.
        scores.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        scores
    }

    /// Every class, by index.
    pub(super) fn scored(&self, logits: &[f32]) -> Vec<ClassScore> {
        let probabilities = match self.settings().activation {
            Activation::Logits => None,
            activation => Some(explain::probabilities(logits, activation)),
        };
        let score = |class| self.score(class, logits, probabilities.as_deref());
        (0..self.settings().classes).map(score).collect()
    }

    fn score(&self, class: usize, logits: &[f32], probabilities: Option<&[f64]>) -> ClassScore {
        let one_unit = logits.len() == 1 && self.settings().classes == 2;
        let logit = match (one_unit, class) {
            (true, 0) => -logits[0],
            (true, _) => logits[0],
            (false, class) => logits.get(class).copied().unwrap_or(f32::NAN),
        };
        ClassScore {
            class,
            name: self.labels().get(class).cloned(),
            probability: probabilities.and_then(|all| all.get(class).copied()),
            logit,
        }
    }
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase().replace('_', " ")
}
