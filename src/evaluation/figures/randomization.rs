//! Randomisation of the parameters (Adebayo et al. 2018, <https://arxiv.org/abs/1810.03292>).

use crate::attribution::{AttributionError, Integer, MethodParameter, Options};
use crate::evaluation::{Better, Curve, Figure, Measure, Repetition, Subject, rank_correlation};

const DEPTHS: Integer = Integer {
    name: "depths",
    range: [1, 16],
    default: Some(4),
    help: "depths to which randomization draws the weights anew, the last one being the whole \
           network",
};

pub(super) const FIGURE: Figure = Figure {
    name: "randomization",
    title: "Randomisation of the parameters",
    summary: "How alike the map stays if the weights are drawn anew, layer by layer from the end. \
              A map that stays does not show what the network has learnt.",
    paper: "https://arxiv.org/abs/1810.03292",
    formula: "rank correlation of the map and that of the network with random weights",
    better: Better::Lower,
    is_default: false,
    needs_box: false,
    parameters: &[MethodParameter::Integer(DEPTHS)],
    passes: |_| 0,
    repetition: Repetition::RandomWeights(|options| options.integer(&DEPTHS)),
    axes: Some(["share of layers drawn anew", "rank correlation"]),
    run: randomization,
};

/// The value is Spearman's correlation for the whole network. A map that is the same everywhere has
/// none, and counts as 0: nothing of the original is left.
fn randomization(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let correlation = |map| rank_correlation(subject.map.iter(), map).unwrap_or(0.0);
    let points = subject.randomized.iter().map(|(depth, map)| [*depth, correlation(map)]);
    let curve = Curve { points: std::iter::once([0.0, 1.0]).chain(points).collect() };
    let Some([_, value]) = curve.points.last().copied().filter(|_| curve.points.len() > 1) else {
        return Ok(Measure::undefined());
    };
    Ok(Measure { curve: Some(curve), ..Measure::of(value) })
}
