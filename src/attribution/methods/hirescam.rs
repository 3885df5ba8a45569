//! HiResCAM (Draelos and Carin 2020, <https://arxiv.org/abs/2011.08891>).

use crate::attribution::cam::elementwise_sum;
use crate::attribution::{
    AttributionError, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "hirescam",
    title: "HiResCAM",
    paper: "https://arxiv.org/abs/2011.08891",
    formula: "sum over k of ∂s/∂A_k ⊙ A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[],
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |layer| layer.uniform_gradient.then_some("gradcam"),
    run: hirescam,
};

/// The map is the sum over channels of ∂s/∂Aₖ ⊙ Aₖ. Where the network is linear behind the layer,
/// its sum over positions is the logit without the bias.
fn hirescam(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let gradient = session.gradient(Rules::GRADIENT)?;
    let sum = elementwise_sum(session.activations()?, gradient.view())?;
    Ok(Map::new(sum.mapv(|value| value as f32)))
}
