//! Kernel SHAP on a grid (Lundberg and Lee 2017, <https://arxiv.org/abs/1705.07874>).

use std::ops::Range as Span;

use ndarray::{Array2, ArrayViewMut3};
use rand::RngExt;
use rand::seq::index::sample;

use crate::attribution::baseline::{BASELINE, baseline};
use crate::attribution::coalitions::{Coalition, least_squares, main_effects, shapley_values};
use crate::attribution::random::{SEED, generator};
use crate::attribution::window::Window;
use crate::attribution::{
    AttributionError, Completeness, Family, Integer, Map, Method, MethodParameter, Need, Options,
    Range, Resolution, Session,
};

const GRID: Integer = Integer {
    name: "grid",
    range: [1, 8],
    default: Some(3),
    help: "cells of the grid in each direction; up to 3, the Shapley values are exact",
};

const COALITIONS: Integer = Integer {
    name: "coalitions",
    range: [256, 100_000],
    default: Some(1024),
    help: "random sets of cells, for grids of 4 or more",
};

pub(super) const METHOD: Method = Method {
    name: "kernel_shap",
    title: "Kernel SHAP",
    family: Family::Perturbation,
    summary: "Gives each cell of a grid its Shapley value.",
    paper: "https://arxiv.org/abs/1705.07874",
    formula: "the Shapley value of the pixel's cell, divided by the cell's pixels; a cell that is \
              absent is at the baseline",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[
        MethodParameter::Integer(GRID),
        MethodParameter::Integer(COALITIONS),
        MethodParameter::Word(BASELINE),
        MethodParameter::Integer(SEED),
    ],
    needs: &[Need::Scores],
    // A pass for each set of cells, the empty one too. The whole picture has been computed.
    passes: |options, extents| match exact_sets(cells(options, extents.input).len()) {
        Some(sets) => sets as u64 - 1,
        None => 2 * pairs(options) as u64 + 1,
    },
    same_as: |_| None,
    run: kernel_shap,
};

/// The most cells of which every set is computed.
const MOST_EXACT: usize = 10;

/// The number of sets of cells, where every set is computed.
fn exact_sets(cells: usize) -> Option<usize> {
    (cells <= MOST_EXACT).then(|| 1 << cells)
}

/// Random sets are drawn with their complements.
fn pairs(options: &Options) -> usize {
    options.integer(&COALITIONS) / 2
}

/// Every cell. None is empty.
fn cells(options: &Options, [_, height, width]: [usize; 3]) -> Vec<Window> {
    let grid = options.integer(&GRID);
    let spans = move |length: usize| {
        let count = grid.min(length);
        (0..count).map(move |index| index * length / count..(index + 1) * length / count)
    };
    let row =
        |rows: Span<usize>| spans(width).map(move |columns| Window { rows: rows.clone(), columns });
    spans(height).flat_map(row).collect()
}

/// The Shapley values of the cells of a grid: the mean, over all orders of the cells, of what the
/// score gains when the cell appears. They sum to s(x) − s(b), where b is the baseline.
///
/// Up to ten cells, every set is computed. Beyond, random sets are drawn with the probabilities of
/// the Shapley kernel, each with its complement, and the values are the least squares solution that
/// has the right sum.
fn kernel_shap(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let (channels, height, width) = session.input()?.dim();
    let seed = options.integer(&SEED) as u64;
    let cells = cells(options, [channels, height, width]);
    let cover = baseline(session, options.word(&BASELINE), seed)?;
    let only = |coalition: Coalition, mut x: ArrayViewMut3<'_, f32>| {
        for (index, cell) in cells.iter().enumerate() {
            if coalition >> index & 1 == 1 {
                continue;
            }
            for (x, cover) in x.outer_iter_mut().zip(cover.outer_iter()) {
                cell.of_mut(x).assign(&cell.of(cover));
            }
        }
    };
    let score = session.score()?;
    let sets = match exact_sets(cells.len()) {
        Some(sets) => all_but_the_whole(sets),
        // The empty set, and the random ones.
        None => [vec![0], draw(seed, cells.len(), pairs(options))].concat(),
    };
    let spread = |values: &[f64]| {
        let mut map = Array2::<f64>::zeros((height, width));
        for (cell, value) in cells.iter().zip(values) {
            cell.of_mut(map.view_mut()).fill(value / cell.area() as f64);
        }
        map
    };
    let mut known: Vec<(Coalition, f64)> = Vec::with_capacity(sets.len());
    session.each_score(sets.len(), &|index, x| only(sets[index], x), |index, score| {
        known.push((sets[index], score));
        session.preview(|| Ok(Map::of_score(&spread(&main_effects(cells.len(), &known)))));
    })?;
    let empty = known.first().map_or(0.0, |(_, score)| *score);
    let (values, standard_error, samples) = match exact_sets(cells.len()) {
        Some(sets) => {
            let mut scores = vec![score; sets];
            known.iter().for_each(|&(set, score)| scores[set as usize] = score);
            (shapley_values(cells.len(), &scores), None, sets)
        }
        None => {
            let gains: Vec<f64> = known[1..].iter().map(|(_, score)| score - empty).collect();
            let drawn = &sets[1..];
            let (values, error) = least_squares(cells.len(), drawn, &gains, score - empty);
            (values, Some(error), drawn.len())
        }
    };
    let map = spread(&values);
    let has_chance = standard_error.is_some() || options.word(&BASELINE) == "noise";
    Ok(Map {
        completeness: Some(Completeness::of(values.iter().sum(), score - empty)),
        samples: Some(samples),
        standard_error: standard_error.map(|error| error * (cells.len() as f64) / map.len() as f64),
        seed: has_chance.then_some(seed),
        ..Map::of_score(&map)
    })
}

/// All of `sets` sets but the last one, which has every cell. The empty one comes first. Neighbours
/// in the list are unlike, so that previews tell something.
fn all_but_the_whole(sets: usize) -> Vec<Coalition> {
    // A prime that divides none of 2ⁿ − 1 for n cells, so every set comes once.
    const STEP: usize = 389;
    (0..sets - 1).map(|index| (index * STEP % (sets - 1)) as Coalition).collect()
}

/// Pairs of a random set of cells and its complement. A set of k of n cells is drawn with a
/// probability in proportion to the Shapley kernel, (n − 1)/(C(n, k)·k·(n − k)).
fn draw(seed: u64, cells: usize, pairs: usize) -> Vec<Coalition> {
    let weight = |size: usize| 1.0 / (size * (cells - size)) as f64;
    let total: f64 = (1..cells).map(weight).sum();
    let all = Coalition::MAX >> (Coalition::BITS as usize - cells);
    let pair = |index: usize| {
        // The generator of index 0 is that of a baseline of noise.
        let mut generator = generator(seed, index + 1);
        let mut rest = generator.random::<f64>() * total;
        let reached = |size: &usize| {
            rest -= weight(*size);
            rest < 0.0
        };
        let size = (1..cells).find(reached).unwrap_or(cells - 1);
        let chosen = sample(&mut generator, cells, size);
        let coalition = chosen.iter().fold(0, |coalition, cell| coalition | 1 << cell);
        [coalition, all & !coalition]
    };
    (0..pairs).flat_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cover_the_picture_once() {
        for size in [[3, 224, 224], [1, 7, 2], [3, 150, 151]] {
            let cells = cells(&Options::default(), size);
            let mut counts = Array2::<u32>::zeros((size[1], size[2]));
            for cell in cells {
                assert!(cell.area() > 0);
                cell.of_mut(counts.view_mut()).mapv_inplace(|count| count + 1);
            }
            assert!(counts.iter().all(|&count| count == 1));
        }
    }

    #[test]
    fn every_set_but_the_whole_comes_once_and_the_empty_one_first() {
        for cells in 1..=MOST_EXACT {
            let sets = all_but_the_whole(1 << cells);
            assert_eq!(sets[0], 0);
            let mut sorted = sets;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..(1 << cells) - 1));
        }
    }

    #[test]
    fn small_and_large_sets_are_drawn_more_often_and_pairs_are_complements() {
        let coalitions = draw(0, 16, 4000);
        let mut sizes = [0; 17];
        for pair in coalitions.chunks(2) {
            assert_eq!((pair[0] ^ pair[1], pair[0] & pair[1]), (0xFFFF, 0));
            sizes[pair[0].count_ones() as usize] += 1;
        }
        let total: f64 = (1..16).map(|size| 1.0 / (size * (16 - size)) as f64).sum();
        for (size, &found) in sizes.iter().enumerate().take(16).skip(1) {
            let expected = 4000.0 / (size * (16 - size)) as f64 / total;
            let found = f64::from(found);
            assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{size}: {found}");
        }
    }
}
