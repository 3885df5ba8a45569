//! Saliency (Simonyan et al. 2013, <https://arxiv.org/abs/1312.6034>).

use crate::attribution::pixels::{MAX, pixel_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "saliency",
    title: "Saliency",
    family: Family::Gradient,
    summary: "Shows how much the score changes with each pixel.",
    paper: "https://arxiv.org/abs/1312.6034",
    formula: "max over k of |∂s/∂x_k|",
    resolution: Resolution::Input,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(MAX)],
    needs: &[Need::InputGradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: saliency,
};

/// The magnitude of ∂s/∂x. The paper takes the largest of a pixel's channels; Captum gives the
/// magnitudes of all channels.
fn saliency(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.input_gradient(Rules::GRADIENT)?;
    Ok(pixel_map(&gradient.mapv(|g| f64::from(g).abs()), options.word(&MAX)))
}
