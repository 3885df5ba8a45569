//! HiResCAM (Draelos and Carin 2020, <https://arxiv.org/abs/2011.08891>).

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "hirescam",
    title: "HiResCAM",
    family: Family::Cam,
    summary: "Multiplies layer and gradient at each position, so that no place is averaged.",
    paper: "https://arxiv.org/abs/2011.08891",
    formula: "sum over k of ∂s/∂A_k ⊙ A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |layer| layer.uniform_gradient.then_some("gradcam"),
    run: hirescam,
};

/// The map is the sum over channels of ∂s/∂Aₖ ⊙ Aₖ. Where the network is linear behind the layer,
/// its sum over positions is the logit without the bias.
fn hirescam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let weights = Weights::Elements(session.gradient(Rules::GRADIENT)?);
    Ok(WeightedSum::of(session, &weights, options)?.in_seed_units(1.0))
}
