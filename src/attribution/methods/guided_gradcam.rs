//! Guided Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>).

use crate::attribution::cam::{WeightedSum, Weights};
use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};
use crate::gradient::rules::GUIDED_BACKPROP;
use crate::render::resize_linear;

pub(super) const METHOD: Method = Method {
    name: "guided_gradcam",
    title: "Guided Grad-CAM",
    family: Family::Rules,
    summary: "Shows the edges of guided backpropagation where Grad-CAM is high.",
    paper: "https://arxiv.org/abs/1610.02391",
    formula: "sum over k of ∂s/∂x_k by guided backpropagation, times the enlarged \
              max(sum over k of mean_ij(∂s/∂A_k)·A_k, 0)",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(SUM)],
    needs: &[Need::ChannelSums, Need::InputGradient(GUIDED_BACKPROP)],
    passes: |_, _| 2,
    same_as: |_| None,
    run: guided_gradcam,
};

/// Guided backpropagation, weighted by the positive part of Grad-CAM. Grad-CAM is enlarged by
/// bilinear interpolation, as in the paper; Captum takes the nearest value unless told otherwise.
fn guided_gradcam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let (_, height, width) = session.activations()?.dim();
    let positions = (height * width) as f64;
    let weights = Weights::Channels(session.channel_sums()?);
    let gradcam = WeightedSum::of(session, &weights, options)?.in_seed_units(1.0 / positions);
    let positive = gradcam.values.mapv(|value| value.max(0.0));
    let guided = session.input_gradient(GUIDED_BACKPROP)?;
    let (_, height, width) = guided.dim();
    let weights = resize_linear(positive.view(), width, height);
    let product = guided.mapv(f64::from) * weights.mapv(f64::from);
    // Both factors have the unit of the seed.
    let ln_scale = Some(2.0 * session.seed().ln_scale);
    Ok(Map { ln_scale, ..pixel_map(&product, options.word(&SUM)) })
}
