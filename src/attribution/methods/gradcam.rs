//! Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>).

use crate::attribution::cam::weighted_sum;
use crate::attribution::{
    AttributionError, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "gradcam",
    title: "Grad-CAM",
    paper: "https://arxiv.org/abs/1610.02391",
    formula: "mean over k of mean_ij(∂s/∂A_k)·A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[],
    needs: &[Need::ChannelSums],
    passes: |_, _| 1,
    same_as: |_| None,
    run: gradcam,
};

/// The weight of channel k is the mean over positions of ∂s/∂Aₖ, the map the mean over channels of
/// weight·Aₖ. The paper sums over channels; the mean is that of Chollet's book.
fn gradcam(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let activations = session.activations()?;
    let (channels, height, width) = activations.dim();
    let sum = weighted_sum(activations, &session.channel_sums()?)?;
    let mean = 1.0 / (height * width) as f64 / channels as f64;
    Ok(Map::new(sum.mapv(|value| (value * mean) as f32)))
}
