//! Which methods a network cannot give, found before any picture is seen.

use std::collections::HashMap;

use super::{AttributionError, Explainer, METHODS, Method, Need, Options};
use crate::gradient::Rules;
use crate::onnx::Layer;
use crate::runtime::{CancellationToken, Interrupted};

/// The graphs that were derived: for the layer or the input, by which rules. The value is the
/// reason why there is none.
type Derived = HashMap<(bool, &'static str), Option<String>>;

impl Explainer {
    /// For each of [`METHODS`] the reason why it cannot be had at `layer` with its default
    /// parameters. None where it can. Gradient graphs are derived, but not compiled.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn method_refusals(
        &self,
        layer: Option<&Layer>,
        token: &CancellationToken,
    ) -> Result<Vec<Option<String>>, Interrupted> {
        let mut derived = Derived::new();
        let refusal = |method: &Method| {
            token.check()?;
            let needs = method.needs.iter().map(|need| need.with(&Options::default()));
            Ok(needs.filter_map(|need| self.need_refusal(&need, layer, &mut derived)).next())
        };
        METHODS.iter().map(refusal).collect()
    }

    fn need_refusal(
        &self,
        need: &Need,
        layer: Option<&Layer>,
        derived: &mut Derived,
    ) -> Option<String> {
        let (value, rules) = match need {
            Need::InputGradient(rules) | Need::InputGradients(rules) => (self.input(), *rules),
            Need::FullGradient => return reason(self.check_full_gradient()),
            Need::InputGradientByChoice(..) | Need::Scores => return None,
            Need::Attention | Need::AttentionGradient | Need::BlockGradients => {
                return reason(self.check_attention(need));
            }
            of_layer => {
                let Some(layer) = layer else {
                    return Some("no layer of the model has height and width".to_owned());
                };
                match of_layer {
                    Need::ChannelSums => (layer, Rules::GRADIENT),
                    Need::Gradient(rules) => (layer, *rules),
                    Need::LinearHead => return reason(self.check_linear_head(layer)),
                    _ => return None,
                }
            }
        };
        let is_input = value.value == self.input().value;
        let check = || reason(self.check_derivable(value, rules));
        derived.entry((is_input, rules.name)).or_insert_with(check).clone()
    }
}

fn reason(checked: Result<(), AttributionError>) -> Option<String> {
    checked.err().map(|error| error.to_string())
}
