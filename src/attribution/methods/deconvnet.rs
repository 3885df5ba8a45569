//! The deconvolutional network (Zeiler and Fergus 2013, <https://arxiv.org/abs/1311.2901>).

use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};
use crate::gradient::rules::DECONVNET;

pub(super) const METHOD: Method = Method {
    name: "deconvnet",
    title: "DeconvNet",
    family: Family::Rules,
    summary: "Carries only positive gradients back through every ReLU.",
    paper: "https://arxiv.org/abs/1311.2901",
    formula: "sum over k of ∂s/∂x_k, with x̄ = max(ȳ, 0) at every ReLU",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: false,
    parameters: &[MethodParameter::Word(SUM)],
    needs: &[Need::InputGradient(DECONVNET)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: deconvnet,
};

/// The gradient at the input, where every ReLU passes positive cotangents alone, whatever its own
/// input is. The maps of two classes hardly differ.
fn deconvnet(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.input_gradient(DECONVNET)?;
    Ok(pixel_map(&gradient.mapv(f64::from), options.word(&SUM)))
}
