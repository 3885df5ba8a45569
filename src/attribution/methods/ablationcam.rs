//! Ablation-CAM (Desai and Ramaswamy 2020, <https://doi.org/10.1109/WACV45572.2020.9093360>).

use ndarray::{ArrayViewMut3, Axis};

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "ablationcam",
    title: "Ablation-CAM",
    family: Family::Cam,
    summary: "Weights each channel by what the score loses without it.",
    paper: "https://doi.org/10.1109/WACV45572.2020.9093360",
    formula: "sum over k of (s − s without A_k)/|s|·A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::ScoresFromLayer],
    // Each channel takes a pass from the layer on.
    passes: |_, extents| extents.layer[0] as u64,
    same_as: |_| None,
    run: ablationcam,
};

/// The weight of channel k is what the score loses without it, as a part of the score. The paper
/// divides by the score; its magnitude is taken here, because a negative logit would turn the map
/// round. A channel that is zero everywhere has the weight zero.
///
/// pytorch-grad-cam sets the channels of a layer with negative values far below the smallest, and
/// not to zero.
fn ablationcam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let activations = session.activations()?;
    let is_live =
        |k: &usize| activations.outer_iter().nth(*k).is_some_and(|a| a.iter().any(|&a| a != 0.0));
    let live: Vec<usize> = (0..activations.dim().0).filter(is_live).collect();
    let ablate = |index: usize, mut a: ArrayViewMut3<'_, f32>| {
        a.index_axis_mut(Axis(0), live[index]).fill(0.0);
    };
    let score = session.score()?;
    let mut weights = vec![0.0; activations.dim().0];
    let map = |weights: &[f64]| {
        let weights = Weights::Channels(weights.to_vec());
        Ok(WeightedSum::of(session, &weights, options)?.in_score_units())
    };
    session.each_score_from_layer(live.len(), &ablate, |index, without| {
        let loss = if score == 0.0 { -without } else { (score - without) / score.abs() };
        weights[live[index]] = loss;
        session.preview(|| map(&weights));
    })?;
    map(&weights)
}
