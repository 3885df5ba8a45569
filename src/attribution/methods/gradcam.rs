//! Grad-CAM (Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>).

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "gradcam",
    title: "Grad-CAM",
    family: Family::Cam,
    summary: "Weights each channel by the mean of its gradient.",
    paper: "https://arxiv.org/abs/1610.02391",
    formula: "mean over k of mean_ij(∂s/∂A_k)·A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::ChannelSums],
    passes: |_, _| 1,
    same_as: |_| None,
    run: gradcam,
};

/// The weight of channel k is the mean over positions of ∂s/∂Aₖ, the map the mean over channels of
/// weight·Aₖ. The paper sums over channels; the mean is that of Chollet's book.
fn gradcam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let weights = Weights::Channels(session.channel_sums()?);
    let elements = session.activations()?.len();
    let sum = WeightedSum::of(session, &weights, options)?;
    Ok(sum.in_seed_units(1.0 / elements as f64))
}
