//! Occlusion (Zeiler and Fergus 2013, <https://arxiv.org/abs/1311.2901>).

use std::ops;

use ndarray::{Array2, ArrayViewMut3, Zip};

use crate::attribution::baseline::{BASELINE, baseline};
use crate::attribution::random::SEED;
use crate::attribution::window::Window;
use crate::attribution::{
    AttributionError, Family, Integer, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session,
};

const WINDOW: Integer = Integer {
    name: "window",
    range: [1, 4096],
    default: None,
    help: "side of the square that is covered, in pixels of the input (default: a seventh of its \
           shorter side)",
};

const STRIDE: Integer = Integer {
    name: "stride",
    range: [1, 4096],
    default: None,
    help: "pixels from one square to the next (default: half the square's side)",
};

pub(super) const METHOD: Method = Method {
    name: "occlusion",
    title: "Occlusion",
    family: Family::Perturbation,
    summary: "Covers one square after another and measures what the score loses.",
    paper: "https://arxiv.org/abs/1311.2901",
    formula: "mean over the windows that cover a pixel of s(x) − s(x with the window covered)",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Integer(WINDOW),
        MethodParameter::Integer(STRIDE),
        MethodParameter::Word(BASELINE),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::Scores],
    passes: |options, extents| windows(options, extents.input).len() as u64,
    same_as: |_| None,
    run: occlusion,
};

/// Every window. The last one of each row and column ends at the border.
fn windows(options: &Options, [_, height, width]: [usize; 3]) -> Vec<Window> {
    let side = options.integer_or_none(&WINDOW).unwrap_or(height.min(width).div_ceil(7));
    let stride = options.integer_or_none(&STRIDE).unwrap_or(side.div_ceil(2));
    let spans = move |length: usize| {
        let count = 1 + length.saturating_sub(side).div_ceil(stride);
        (0..count).map(move |index| index * stride..length.min(index * stride + side))
    };
    let row = |rows: ops::Range<usize>| {
        spans(width).map(move |columns| Window { rows: rows.clone(), columns })
    };
    spans(height).flat_map(row).collect()
}

/// What the score loses where a square is covered. A pixel gets the mean over the squares that
/// cover it, as in Captum; other implementations sum. A pixel between the squares, where the stride
/// is longer than the square, gets zero.
fn occlusion(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let (channels, height, width) = session.input()?.dim();
    let seed = options.integer(&SEED) as u64;
    let windows = windows(options, [channels, height, width]);
    let cover = baseline(session, options.word(&BASELINE), seed)?;
    let score = session.score()?;
    let (mut sums, mut counts) =
        (Array2::<f64>::zeros((height, width)), Array2::zeros((height, width)));
    let hide = |index: usize, mut x: ArrayViewMut3<'_, f32>| {
        for (x, cover) in x.outer_iter_mut().zip(cover.outer_iter()) {
            windows[index].of_mut(x).assign(&windows[index].of(cover));
        }
    };
    session.each_score(windows.len(), &hide, |index, covered| {
        let window = &windows[index];
        window.of_mut(sums.view_mut()).mapv_inplace(|sum| sum + score - covered);
        window.of_mut(counts.view_mut()).mapv_inplace(|count: f64| count + 1.0);
        session.preview(|| Ok(Map::of_score(&means(&sums, &counts))));
    })?;
    let seed = (options.word(&BASELINE) == "noise").then_some(seed);
    Ok(Map { seed, ..Map::of_score(&means(&sums, &counts)) })
}

/// Zero where the count is.
fn means(sums: &Array2<f64>, counts: &Array2<f64>) -> Array2<f64> {
    Zip::from(sums).and(counts).map_collect(|sum, count| sum / count.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_picture_and_end_at_its_border() {
        let window = |rows, columns| Window { rows, columns };
        let found = windows(&Options::default(), [3, 224, 224]);
        assert_eq!(found.len(), 169);
        assert_eq!(found.first(), Some(&window(0..32, 0..32)));
        assert_eq!(found.last(), Some(&window(192..224, 192..224)));
        assert_eq!(windows(&Options::default(), [1, 10, 5]).len(), 50);
        let found = windows(&Options::default(), [3, 150, 151]);
        assert_eq!(found.last(), Some(&window(132..150, 132..151)));
    }
}
