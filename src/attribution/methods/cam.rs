//! CAM (Zhou et al. 2016, <https://arxiv.org/abs/1512.04150>).

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "cam",
    title: "CAM",
    family: Family::Cam,
    summary: "Weights each channel by the class's weights in the last dense layer.",
    paper: "https://arxiv.org/abs/1512.04150",
    formula: "sum over k of W_k·A_k, W the class's weights of the dense layer behind the mean of A",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::LinearHead, Need::ChannelSums],
    passes: |_, _| 1,
    same_as: |_| Some("gradcam"),
    run: cam,
};

/// The weight of channel k is that of the class for the mean of Aₖ. The gradient of the logit at
/// each of the HW positions is Wₖ/HW, so its sum over positions is Wₖ. For a probability, W is that
/// of its log-odds: the class's weights less the mean of the others', weighted by probability.
fn cam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let weights = Weights::Channels(session.channel_sums()?);
    Ok(WeightedSum::of(session, &weights, options)?.in_seed_units(1.0))
}
