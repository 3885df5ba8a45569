//! Sparseness (Chalasani et al. 2020, <https://arxiv.org/abs/1810.06583>).

use crate::attribution::{AttributionError, Options};
use crate::evaluation::{Better, Figure, Measure, Repetition, Subject};

pub(super) const FIGURE: Figure = Figure {
    name: "sparseness",
    title: "Sparseness",
    summary: "The Gini index of the map's magnitudes: 0 if all pixels are equal, near 1 if a few \
              have everything.",
    paper: "https://arxiv.org/abs/1810.06583",
    formula: "Σᵢ (2i − n − 1)·|map|ᵢ / (n·Σ |map|), magnitudes in ascending order, i from 1",
    better: Better::Neither,
    is_default: true,
    needs_box: false,
    parameters: &[],
    passes: |_| 0,
    repetition: Repetition::Once,
    axes: None,
    run: sparseness,
};

/// The Gini index at the input's pixels. Quantus adds 10⁻⁷ to every magnitude.
fn sparseness(subject: &Subject, _: &Options) -> Result<Measure, AttributionError> {
    let mut magnitudes: Vec<f64> =
        subject.pixels.iter().map(|&value| f64::from(value).abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    let (n, total) = (magnitudes.len() as f64, magnitudes.iter().sum::<f64>());
    let weigh = |(index, value): (usize, &f64)| (2.0 * (index + 1) as f64 - n - 1.0) * value;
    Ok(Measure::of(magnitudes.iter().enumerate().map(weigh).sum::<f64>() / (n * total)))
}
