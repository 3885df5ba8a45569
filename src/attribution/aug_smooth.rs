//! `aug_smooth`: the mean of a method's maps over altered inputs.

use ndarray::{Array2, ArrayViewMut3, Axis};

use super::{AttributionError, Map, Options, Session, Switch};

/// The parameter that asks for it.
pub(super) const AUG_SMOOTH: Switch = Switch {
    name: "aug_smooth",
    help: "take the mean of the maps of six inputs: the tensor times 0.9, 1 and 1.1, as it is and \
           mirrored",
};

/// The factors of the input.
const FACTORS: [f32; 3] = [0.9, 1.0, 1.1];

/// The number of altered inputs: each factor, mirrored or not.
pub(super) const INPUTS: usize = 2 * FACTORS.len();

/// The mean of the raw maps that `run` gives for the altered inputs, mirrored back, in units of the
/// score. pytorch-grad-cam takes the mean of maps that are scaled to 0..1 first, which gives all
/// inputs the same weight.
pub(super) fn smoothed(
    run: fn(&Session, &Options) -> Result<Map, AttributionError>,
    session: &Session,
    options: &Options,
) -> Result<Map, AttributionError> {
    let mut maps: Vec<(Map, f64)> = Vec::with_capacity(INPUTS);
    session.at_inputs(INPUTS, &alter, &mut |altered| {
        let map = run(altered, options)?;
        let ln_scale = map.ln_scale.unwrap_or(altered.seed().ln_scale);
        maps.push((map, ln_scale));
        Ok(())
    })?;
    // The factors may underflow, so the largest is kept apart.
    let largest = maps.iter().map(|(_, ln_scale)| *ln_scale).fold(f64::NEG_INFINITY, f64::max);
    let Some((first, _)) = maps.first() else { return run(session, options) };
    let mut sum = Array2::<f64>::zeros(first.values.dim());
    let mut offset = 0.0;
    for (index, (map, ln_scale)) in maps.iter().enumerate() {
        let factor = (ln_scale - largest).exp() / maps.len() as f64;
        let mut values = map.values.view();
        if is_mirrored(index) {
            values.invert_axis(Axis(1));
        }
        sum.zip_mut_with(&values, |sum, &value| *sum += factor * f64::from(value));
        offset += factor * f64::from(map.offset);
    }
    Ok(Map {
        ln_scale: Some(largest),
        offset: offset as f32,
        samples: Some(maps.len()),
        score: first.score,
        hint: first.hint,
        ..Map::new(sum.mapv(|value| value as f32))
    })
}

fn is_mirrored(index: usize) -> bool {
    index >= FACTORS.len()
}

/// Makes the altered input `index` of a copy of the input.
fn alter(index: usize, mut x: ArrayViewMut3<'_, f32>) {
    let factor = FACTORS[index % FACTORS.len()];
    for mut row in x.lanes_mut(Axis(2)) {
        if is_mirrored(index) {
            let length = row.len();
            (0..length / 2).for_each(|at| row.swap(at, length - 1 - at));
        }
        row *= factor;
    }
}
