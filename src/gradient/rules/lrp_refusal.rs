//! What layer-wise relevance propagation has no rule for.

use crate::gradient::error::RuleError;

/// The operator is neither linear nor a function of single elements.
pub(super) fn no_rule() -> RuleError {
    refusal("it")
}

/// The relevance of a product cannot be shared between its factors.
pub(super) fn two_live_inputs() -> RuleError {
    refusal("two inputs that depend on the picture")
}

fn refusal(what: &str) -> RuleError {
    RuleError(format!(
        "layer-wise relevance propagation has no rule for {what}; use deeplift or \
         integrated_gradients"
    ))
}
