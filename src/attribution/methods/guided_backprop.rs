//! Guided backpropagation (Springenberg et al. 2014, <https://arxiv.org/abs/1412.6806>).

use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};
use crate::gradient::rules::GUIDED_BACKPROP;

pub(super) const METHOD: Method = Method {
    name: "guided_backprop",
    title: "Guided Backpropagation",
    family: Family::Rules,
    summary: "Carries positive gradients back through active ReLUs; shows fine edges.",
    paper: "https://arxiv.org/abs/1412.6806",
    formula: "sum over k of ∂s/∂x_k, with x̄ = max(ȳ, 0)·[y > 0] at every ReLU",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: false,
    parameters: &[MethodParameter::Word(SUM)],
    needs: &[Need::InputGradient(GUIDED_BACKPROP)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: guided_backprop,
};

/// The gradient at the input, where every ReLU passes positive cotangents alone. The maps of two
/// classes hardly differ (Adebayo et al. 2018, <https://arxiv.org/abs/1810.03292>).
fn guided_backprop(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.input_gradient(GUIDED_BACKPROP)?;
    Ok(pixel_map(&gradient.mapv(f64::from), options.word(&SUM)))
}
