//! Score-CAM (Wang et al. 2019, <https://arxiv.org/abs/1910.01279>).

use ndarray::{Array2, ArrayView2, ArrayViewMut3, Axis};

use crate::attribution::aug_smooth::AUG_SMOOTH;
use crate::attribution::cam::{EIGEN_SMOOTH, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Integer, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session,
};
use crate::explain::Score;
use crate::render::resize_linear;

const CHANNELS: Integer = Integer {
    name: "channels",
    range: [1, 65_536],
    default: None,
    help: "take only the channels that vary most, as Faster Score-CAM does (default: all)",
};

pub(super) const METHOD: Method = Method {
    name: "scorecam",
    title: "Score-CAM",
    family: Family::Cam,
    summary: "Weights each channel by the score of the picture masked with it.",
    paper: "https://arxiv.org/abs/1910.01279",
    formula: "sum over k of w_k·A_k, w = softmax over k of z(x ⊙ A_k enlarged and scaled to 0..1)",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Integer(CHANNELS),
        MethodParameter::Switch(EIGEN_SMOOTH),
        MethodParameter::Switch(AUG_SMOOTH),
    ],
    needs: &[Need::Activations, Need::Scores],
    passes: |options, extents| {
        let channels = extents.layer[0];
        options.integer_or_none(&CHANNELS).unwrap_or(channels).min(channels) as u64
    },
    same_as: |_| None,
    run: scorecam,
};

/// Each channel is enlarged to the input's size, scaled to 0..1 and multiplied with the input. The
/// weights are the softmax over the channels of the class's logit, as in the authors' code: over
/// probabilities they would be nearly equal. A channel that is the same everywhere has no mask, and
/// the weight zero. The score of the baseline in the paper cancels in the softmax.
///
/// torchcam scales before it enlarges. pytorch-grad-cam enlarges with aligned corners.
fn scorecam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let activations = session.activations()?;
    let (_, height, width) = session.input()?.dim();
    let most = options.integer_or_none(&CHANNELS).unwrap_or(usize::MAX);
    let chosen = most_varying(activations.axis_iter(Axis(0)).map(variance), most);
    let keep = |index: usize, mut x: ArrayViewMut3<'_, f32>| {
        let mask = mask(activations.index_axis(Axis(0), chosen[index]), height, width);
        x.axis_iter_mut(Axis(0)).for_each(|mut x| x *= &mask);
    };
    // Of the channels whose logits are known.
    let map = |logits: &[f64]| {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        let mut weights = vec![0.0; activations.dim().0];
        for (&k, logit) in chosen.iter().zip(logits) {
            weights[k] = (logit - largest).exp() / total;
        }
        Ok(WeightedSum::of(session, &Weights::Channels(weights), options)?.in_layer_units())
    };
    let mut logits = Vec::with_capacity(chosen.len());
    session.with_score(Score::Logit)?.each_score(chosen.len(), &keep, |_, logit| {
        logits.push(logit);
        session.preview(|| map(&logits));
    })?;
    Ok(Map { samples: Some(chosen.len()), ..map(&logits)? })
}

/// The indices of the `most` largest variances, in ascending order. A channel without variance is
/// never one of them.
fn most_varying(variances: impl Iterator<Item = f64>, most: usize) -> Vec<usize> {
    let mut varying: Vec<(usize, f64)> =
        variances.enumerate().filter(|&(_, variance)| variance > 0.0).collect();
    varying.sort_by(|a, b| b.1.total_cmp(&a.1));
    varying.truncate(most);
    let mut indices: Vec<usize> = varying.into_iter().map(|(index, _)| index).collect();
    indices.sort_unstable();
    indices
}

/// The variance of a channel over its positions. It is exactly zero where all values are the same.
fn variance(channel: ArrayView2<'_, f32>) -> f64 {
    let Some(&first) = channel.first() else { return 0.0 };
    let n = channel.len() as f64;
    let (sum, squares) = channel.iter().fold((0.0, 0.0), |(sum, squares), &value| {
        let offset = f64::from(value) - f64::from(first);
        (sum + offset, squares + offset * offset)
    });
    (squares / n - (sum / n).powi(2)).max(0.0)
}

/// The channel at the input's size, scaled to 0..1. Enlarging may leave a constant; its mask is 0.
fn mask(channel: ArrayView2<'_, f32>, height: usize, width: usize) -> Array2<f32> {
    let mut mask = resize_linear(channel, width, height);
    let low = mask.iter().copied().fold(f32::INFINITY, f32::min);
    let range = mask.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low;
    mask.mapv_inplace(|value| if range > 0.0 { (value - low) / range } else { 0.0 });
    mask
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_channels_that_vary_most_are_chosen_and_constant_ones_never() {
        let variances = [0.5, 0.0, 3.0, 1.0];
        assert_eq!(most_varying(variances.into_iter(), 2), [2, 3]);
        assert_eq!(most_varying(variances.into_iter(), usize::MAX), [0, 2, 3]);
        assert_eq!(variance(array![[0.1, 0.1], [0.1, 0.1]].view()), 0.0);
        assert!((variance(array![[1.0, 3.0]].view()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_mask_has_the_inputs_size_and_runs_from_zero_to_one() {
        let mask = mask(array![[-2.0, 0.0], [2.0, 6.0]].view(), 4, 6);
        assert_eq!(mask.dim(), (4, 6));
        assert_eq!((mask[[0, 0]], mask[[3, 5]]), (0.0, 1.0));
    }
}
