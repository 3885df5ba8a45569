//! Recipro-CAM (Byun and Lee 2022, <https://arxiv.org/abs/2209.14074>).

use ndarray::Array2;

use crate::attribution::aug_smooth::AUG_SMOOTH;
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};

pub(super) const METHOD: Method = Method {
    name: "reciprocam",
    title: "Recipro-CAM",
    family: Family::Cam,
    summary: "Keeps one position of the layer at a time and measures the score.",
    paper: "https://arxiv.org/abs/2209.14074",
    formula: "s of A at the position alone, zero elsewhere",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[MethodParameter::Switch(AUG_SMOOTH)],
    needs: &[Need::ScoresFromLayer],
    // A pass from the layer on for each position, and one for a layer of zeros.
    passes: |_, extents| (extents.layer[1] * extents.layer[2]) as u64 + 1,
    same_as: |_| None,
    run: reciprocam,
};

/// The score that each position of the layer gives by itself. The picture shows it without the
/// score that a layer of zeros gives. The paper draws the map from its smallest value to its
/// largest, which shows evidence for a class even where there is none.
fn reciprocam(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let (_, height, width) = session.activations()?.dim();
    let positions = height * width;
    let scores = session.scores_from_layer(positions + 1, &|index, mut a| {
        let here = (index < positions).then(|| [index / width, index % width]);
        for mut channel in a.outer_iter_mut() {
            let value = here.map(|here| channel[here]);
            channel.fill(0.0);
            if let (Some(here), Some(value)) = (here, value) {
                channel[here] = value;
            }
        }
    })?;
    let empty = scores.last().copied().unwrap_or_default();
    let alone = |(row, column)| scores[row * width + column];
    Ok(Map::of_score(&Array2::from_shape_fn((height, width), alone)).without(empty))
}
