//! Recipro-CAM (Byun and Lee 2022, <https://arxiv.org/abs/2209.14074>).

use ndarray::{Array2, ArrayViewMut3};

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
    // The first pass has a layer of zeros.
    let place = |index: usize| index.checked_sub(1).map(|at| [at / width, at % width]);
    let keep_one = |index: usize, mut a: ArrayViewMut3<'_, f32>| {
        for mut channel in a.outer_iter_mut() {
            let kept = place(index).map(|here| (here, channel[here]));
            channel.fill(0.0);
            if let Some((here, value)) = kept {
                channel[here] = value;
            }
        }
    };
    let (mut empty, mut alone) = (0.0, Array2::zeros((height, width)));
    session.each_score_from_layer(1 + height * width, &keep_one, |index, score| {
        match place(index) {
            Some(here) => alone[here] = score,
            None => {
                empty = score;
                alone.fill(score);
            }
        }
        session.preview(|| Ok(Map::of_score(&alone).without(empty)));
    })?;
    Ok(Map::of_score(&alone).without(empty))
}
