//! RISE (Petsiuk et al. 2018, <https://arxiv.org/abs/1806.07421>).

use ndarray::{Array2, ArrayViewMut3, Zip};
use rand::RngExt;

use crate::attribution::baseline::{BASELINE, baseline};
use crate::attribution::moments::Moments;
use crate::attribution::random::{SEED, generator};
use crate::attribution::{
    AttributionError, Family, Integer, Map, Method, MethodParameter, Need, Number, Options, Range,
    Resolution, Session,
};

const MASKS: Integer = Integer {
    name: "masks",
    range: [2, 100_000],
    default: Some(500),
    help: "random masks, at most",
};

const CELLS: Integer = Integer {
    name: "cells",
    range: [1, 64],
    default: Some(7),
    help: "cells of a mask in each direction",
};

const STOP_AT: Number = Number {
    name: "stop_at",
    range: [0.0, 1.0],
    default: 0.0,
    help: "standard error at which no more masks are drawn; with 0 all are",
};

pub(super) const METHOD: Method = Method {
    name: "rise",
    title: "RISE",
    family: Family::Perturbation,
    summary: "Covers the picture with random masks and averages those with high scores.",
    paper: "https://arxiv.org/abs/1806.07421",
    formula: "mean over random masks m of s(m ⊙ x)·m / 0.5",
    resolution: Resolution::Input,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Integer(MASKS),
        MethodParameter::Integer(CELLS),
        MethodParameter::Number(STOP_AT),
        MethodParameter::Word(BASELINE),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::Scores],
    passes: |options, _| options.integer(&MASKS) as u64,
    same_as: |_| None,
    run: rise,
};

/// The probability that a cell is uncovered.
const UNCOVERED: f64 = 0.5;

/// Masks between two looks at the standard error.
const BLOCK: usize = 64;

/// Σ s(m ⊙ x)·m / (N·0.5) over N random masks. A mask hides by the baseline, which in the paper is
/// zero. The masks are drawn again where they are needed, so that none is kept.
///
/// The map is the score of the masked pictures nearly everywhere; what counts is where it is
/// larger. So the picture shows it without its mean.
fn rise(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let (_, height, width) = session.input()?.dim();
    let (seed, cells) = (options.integer(&SEED) as u64, options.integer(&CELLS));
    let (most, stop_at) = (options.integer(&MASKS), options.number(&STOP_AT));
    let cover = baseline(session, options.word(&BASELINE), seed)?;
    let mut moments = Moments::zeros((height, width));
    let hide = |index: usize, mut x: ArrayViewMut3<'_, f32>| {
        let mask = mask(seed, index, cells, [height, width]);
        for (mut x, cover) in x.outer_iter_mut().zip(cover.outer_iter()) {
            Zip::from(&mut x).and(&cover).and(&mask).for_each(|x, b, m| *x = b + m * (*x - b));
        }
    };
    while moments.samples < most {
        let first = moments.samples;
        // All at once, unless the standard error decides.
        let count = if stop_at > 0.0 { BLOCK.min(most - first) } else { most - first };
        session.each_score(count, &|index, x| hide(first + index, x), |index, score| {
            let mask = mask(seed, first + index, cells, [height, width]);
            moments.add(score / UNCOVERED, mask.view());
            session.preview(|| Ok(without_mean(&moments)));
        })?;
        if moments.standard_error() <= stop_at {
            break;
        }
    }
    Ok(Map {
        samples: Some(moments.samples),
        standard_error: Some(moments.standard_error()),
        seed: Some(seed),
        ..without_mean(&moments)
    })
}

fn without_mean(moments: &Moments) -> Map {
    let map = moments.mean();
    Map::of_score(&map).without(map.mean().unwrap_or_default())
}

/// The mask `index`: `cells` × `cells` cells, each uncovered with probability 0.5, enlarged
/// bilinearly to one cell more than the picture, and cut out at a random place.
fn mask(seed: u64, index: usize, cells: usize, [height, width]: [usize; 2]) -> Array2<f32> {
    // The generator of index 0 is that of a baseline of noise.
    let mut generator = generator(seed, index + 1);
    let grid = Array2::from_shape_simple_fn((cells, cells), || {
        f32::from(u8::from(generator.random::<f64>() < UNCOVERED))
    });
    let mut axis = |length: usize| {
        let cell = length.div_ceil(cells);
        let start = (generator.random::<f64>() * cell as f64) as usize;
        let enlarged = (cells + 1) * cell;
        (start..start + length)
            .map(|at| {
                // Half-pixel centres, as in scikit-image and OpenCV; the border is repeated.
                let place = (at as f32 + 0.5) * cells as f32 / enlarged as f32 - 0.5;
                let place = place.clamp(0.0, (cells - 1) as f32);
                let low = place as usize;
                (low, (low + 1).min(cells - 1), place - low as f32)
            })
            .collect::<Vec<_>>()
    };
    let (rows, columns) = (axis(height), axis(width));
    let mut mask = Array2::zeros((height, width));
    for (mut out, &(low, high, part)) in mask.outer_iter_mut().zip(&rows) {
        let line: Vec<f32> = (0..cells)
            .map(|k| grid[[low, k]] + part * (grid[[high, k]] - grid[[low, k]]))
            .collect();
        for (out, &(low, high, part)) in out.iter_mut().zip(&columns) {
            *out = line[low] + part * (line[high] - line[low]);
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_half_uncovered_on_average_and_repeatable() {
        let size = [37, 50];
        let mut mean = Array2::<f32>::zeros((size[0], size[1]));
        for index in 0..2000 {
            let mask = mask(3, index, 7, size);
            assert!(mask.iter().all(|m| (0.0..=1.0).contains(m)));
            mean += &mask;
        }
        mean /= 2000.0;
        assert!(mean.iter().all(|m| (m - 0.5).abs() < 0.05), "{mean}");
        assert_eq!(mask(3, 7, 7, size), mask(3, 7, 7, size));
        assert_ne!(mask(3, 7, 7, size), mask(4, 7, 7, size));
    }
}
