//! What all class activation maps share: a layer's value, weighted and summed over its channels.

use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView3, Axis, Slice, Zip};

use super::aug_smooth::AUG_SMOOTH;
use super::principal_component::{Matrix, PrincipalComponent};
use super::rounded_sum::RoundedSum;
use super::{AttributionError, Map, MethodParameter, Options, Session, Switch};

/// The parameter that takes a principal component instead of the sum.
pub(super) const EIGEN_SMOOTH: Switch = Switch {
    name: "eigen_smooth",
    help: "project the weighted channels on their first principal component, not centred, instead \
           of summing them",
};

/// The parameters of every weighted sum.
pub(super) const PARAMETERS: &[MethodParameter] =
    &[MethodParameter::Switch(EIGEN_SMOOTH), MethodParameter::Switch(AUG_SMOOTH)];

/// The parameters of every principal component.
pub(super) const COMPONENT_PARAMETERS: &[MethodParameter] =
    &[MethodParameter::Switch(CENTER), MethodParameter::Switch(AUG_SMOOTH)];

/// The parameter that centres the channels before the principal component is taken.
pub(super) const CENTER: Switch = Switch {
    name: "center",
    help: "subtract each channel's mean over positions first, as pytorch-grad-cam does; the paper \
           does not",
};

/// The weights w of a class activation map.
#[derive(Debug)]
pub(super) enum Weights {
    /// One for each channel.
    Channels(Vec<f64>),
    /// One for each element, channels × height × width.
    Elements(Array3<f32>),
}

/// Σₖ wₖ ⊙ Aₖ, or what `eigen_smooth` makes of w ⊙ A.
#[derive(Debug)]
pub(super) struct WeightedSum {
    /// Height × width, in the unit of the weights times that of the layer.
    values: Array2<f64>,
    singular_value_ratio: Option<f64>,
}

impl WeightedSum {
    /// The weighted sum over the channels of the session's layer, in float64.
    ///
    /// # Errors
    /// [`AttributionError::Mismatch`] and [`AttributionError::Shapes`] where the weights do not fit
    /// the layer, or the layer has no elements. With `eigen_smooth` also
    /// [`AttributionError::TooLargeLayer`].
    pub(super) fn of(
        session: &Session,
        weights: &Weights,
        options: &Options,
    ) -> Result<Self, AttributionError> {
        if options.is_on(&EIGEN_SMOOTH) {
            return Self::principal_component(session, weights, false);
        }
        let activations = session.activations()?;
        weights.check(activations)?;
        let values = match weights {
            Weights::Channels(weights) => channel_weighted(activations, weights),
            Weights::Elements(weights) => element_weighted(activations, weights.view()),
        };
        Ok(Self { values, singular_value_ratio: None })
    }

    /// The projection of w ⊙ A on its first principal component. Its channels are centred first if
    /// `is_centred`.
    ///
    /// # Errors
    /// As [`of`](Self::of), and [`AttributionError::TooLargeLayer`].
    pub(super) fn principal_component(
        session: &Session,
        weights: &Weights,
        is_centred: bool,
    ) -> Result<Self, AttributionError> {
        let activations = session.activations()?;
        weights.check(activations)?;
        let plain = Weighted { activations, weights, means: Vec::new() };
        let means = if is_centred { plain.channel_means() } else { Vec::new() };
        let PrincipalComponent { projection, singular_value_ratio } =
            PrincipalComponent::of(&Weighted { means, ..plain })?;
        Ok(Self { values: projection, singular_value_ratio })
    }

    /// The map, if the weights are in units of the seed. `factor` multiplies it.
    pub(super) fn in_seed_units(&self, factor: f64) -> Map {
        self.completed(Map::new(self.values.mapv(|value| (value * factor) as f32)))
    }

    /// The map, if the weights are in units of the score.
    pub(super) fn in_score_units(&self) -> Map {
        self.completed(Map::of_score(&self.values))
    }

    /// The map, if the weights have no unit and no class.
    pub(super) fn in_layer_units(&self) -> Map {
        Map { ln_scale: Some(0.0), ..self.in_seed_units(1.0) }
    }

    fn completed(&self, map: Map) -> Map {
        Map { singular_value_ratio: self.singular_value_ratio, ..map }
    }
}

impl Weights {
    fn check(&self, activations: ArrayView3<'_, f32>) -> Result<(), AttributionError> {
        let (channels, height, width) = activations.dim();
        let shape = [channels, height, width];
        match self {
            Self::Channels(weights) if weights.len() != channels || activations.is_empty() => {
                Err(AttributionError::Mismatch { activations: shape, weights: weights.len() })
            }
            Self::Elements(weights)
                if weights.dim() != activations.dim() || activations.is_empty() =>
            {
                let (k, h, w) = weights.dim();
                Err(AttributionError::Shapes { activations: shape, gradient: [k, h, w] })
            }
            _ => Ok(()),
        }
    }
}

/// w ⊙ A as a matrix, channels × positions.
struct Weighted<'a> {
    activations: ArrayView3<'a, f32>,
    weights: &'a Weights,
    /// What is subtracted from each channel. Empty where nothing is.
    means: Vec<f64>,
}

impl Weighted<'_> {
    fn channel_means(&self) -> Vec<f64> {
        let (channels, height, _) = self.activations.dim();
        (0..channels).map(|k| self.block(k..k + 1, 0..height).mean().unwrap_or(0.0)).collect()
    }
}

impl Matrix for Weighted<'_> {
    fn extents(&self) -> (usize, usize, usize) {
        self.activations.dim()
    }

    fn block(&self, channels: Range<usize>, rows: Range<usize>) -> Array3<f64> {
        let mut block = part(self.activations, &channels, &rows).mapv(f64::from);
        match self.weights {
            Weights::Channels(weights) => {
                for (mut channel, weight) in block.outer_iter_mut().zip(&weights[channels.clone()])
                {
                    channel *= *weight;
                }
            }
            Weights::Elements(weights) => {
                let weights = part(weights.view(), &channels, &rows);
                block.zip_mut_with(&weights, |a, &w| *a *= f64::from(w));
            }
        }
        let means = self.means.iter().skip(channels.start);
        for (mut channel, mean) in block.outer_iter_mut().zip(means) {
            channel -= *mean;
        }
        block
    }
}

/// These channels in these rows.
fn part<'a>(
    values: ArrayView3<'a, f32>,
    channels: &Range<usize>,
    rows: &Range<usize>,
) -> ArrayView3<'a, f32> {
    let mut part = values;
    part.slice_axis_inplace(Axis(0), Slice::from(channels.clone()));
    part.slice_axis_inplace(Axis(1), Slice::from(rows.clone()));
    part
}

fn channel_weighted(activations: ArrayView3<'_, f32>, weights: &[f64]) -> Array2<f64> {
    let (_, height, width) = activations.dim();
    let mut map = Array2::<RoundedSum>::default((height, width));
    // Row by row, so that either memory order is read once.
    for (mut out, rows) in map.outer_iter_mut().zip(activations.axis_iter(Axis(1))) {
        for (&weight, row) in weights.iter().zip(rows.outer_iter()) {
            out.zip_mut_with(&row, |out, &a| out.add(weight * f64::from(a)));
        }
    }
    map.mapv(RoundedSum::value)
}

fn element_weighted(activations: ArrayView3<'_, f32>, weights: ArrayView3<'_, f32>) -> Array2<f64> {
    let (_, height, width) = activations.dim();
    let mut map = Array2::<RoundedSum>::default((height, width));
    let rows = activations.axis_iter(Axis(1)).zip(weights.axis_iter(Axis(1)));
    for (mut out, (a, w)) in map.outer_iter_mut().zip(rows) {
        for (a, w) in a.outer_iter().zip(w.outer_iter()) {
            Zip::from(&mut out)
                .and(&a)
                .and(&w)
                .for_each(|out, &a, &w| out.add(f64::from(a) * f64::from(w)));
        }
    }
    map.mapv(RoundedSum::value)
}

/// Σᵢⱼ of each channel, in float64.
pub(super) fn channel_sums(values: ArrayView3<'_, f32>) -> Vec<f64> {
    let mut sums = vec![RoundedSum::default(); values.dim().0];
    // Row by row, so that either memory order is read once.
    for rows in values.axis_iter(Axis(1)) {
        for (sum, row) in sums.iter_mut().zip(rows.outer_iter()) {
            row.iter().for_each(|&value| sum.add(f64::from(value)));
        }
    }
    sums.into_iter().map(RoundedSum::value).collect()
}
