//! FEM, the feature explanation method (Fuad et al. 2020, <https://hal.science/hal-02963298>).

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "fem",
    title: "FEM",
    family: Family::Cam,
    summary: "Shows where channels are unusually strong, whatever the class.",
    paper: "https://hal.science/hal-02963298",
    formula: "sum over k of w_k·A_k, w_k the share of positions where A_k is above mean + 2σ",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: false,
    parameters: PARAMETERS,
    needs: &[Need::Activations],
    passes: |_, _| 0,
    same_as: |_| None,
    run: fem,
};

/// How many standard deviations above its channel's mean an activation is rare.
const DEVIATIONS: f64 = 2.0;

/// The weight of channel k is the share of positions with a rare activation. It has no class.
fn fem(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let share = |channel: ndarray::ArrayView2<'_, f32>| {
        let channel = channel.mapv(f64::from);
        let threshold = channel.mean().unwrap_or(0.0) + DEVIATIONS * channel.std(0.0);
        let rare = channel.iter().filter(|&&value| value > threshold).count();
        rare as f64 / channel.len() as f64
    };
    let weights = session.activations()?.outer_iter().map(share).collect();
    Ok(WeightedSum::of(session, &Weights::Channels(weights), options)?.in_layer_units())
}
