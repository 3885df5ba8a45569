//! Shapley values from the scores of sets of players.

/// A set of at most 64 players: bit i is 1 if player i is in it.
pub(super) type Coalition = u64;

/// The Shapley values of `players` players. `scores` has the score of every set, at the index whose
/// bits are the set.
pub(super) fn shapley_values(players: usize, scores: &[f64]) -> Vec<f64> {
    // |S|!·(n − |S| − 1)!/n! = 1 / (n·C(n − 1, |S|)).
    let mut weights = Vec::with_capacity(players);
    let mut sets = players as f64;
    for size in 0..players {
        weights.push(1.0 / sets);
        sets *= (players - 1 - size) as f64 / (size + 1) as f64;
    }
    let value = |player: usize| -> f64 {
        let without = (0..scores.len()).filter(|set| set >> player & 1 == 0);
        without
            .map(|set| {
                weights[set.count_ones() as usize] * (scores[set | 1 << player] - scores[set])
            })
            .sum()
    };
    (0..players).map(value).collect()
}

/// For each player, the mean score of the sets with it less that of the sets without it; zero where
/// there are none of either. It tells something before every set is known.
pub(super) fn main_effects(players: usize, known: &[(Coalition, f64)]) -> Vec<f64> {
    let mean = |player: usize, is_in: u64| {
        let of_kind = known.iter().filter(|(set, _)| set >> player & 1 == is_in);
        let (sum, count) =
            of_kind.fold((0.0, 0.0), |(sum, count), (_, score)| (sum + score, count + 1.0));
        (count > 0.0).then(|| sum / count)
    };
    let effect = |player| mean(player, 1).zip(mean(player, 0)).map_or(0.0, |(with, no)| with - no);
    (0..players).map(effect).collect()
}

/// Groups of the jackknife.
const GROUPS: usize = 10;

/// The values φ with the sum `total` that minimise Σ (gain of S − Σ of φ over S)² over the
/// `coalitions` S, and their standard error as the root mean square over the players. `gains` are
/// the scores of the coalitions less that of the empty one. Two neighbours belong together.
///
/// The standard error is that of the jackknife that leaves out one of ten groups at a time.
pub(super) fn least_squares(
    players: usize,
    coalitions: &[Coalition],
    gains: &[f64],
    total: f64,
) -> (Vec<f64>, f64) {
    let all: Vec<(Coalition, f64)> =
        coalitions.iter().copied().zip(gains.iter().copied()).collect();
    let values = solved(players, &all, total);
    let group = |index: usize| index / 2 % GROUPS;
    let without: Vec<Vec<f64>> = (0..GROUPS)
        .map(|left_out| {
            let kept = all.iter().enumerate().filter(|(index, _)| group(*index) != left_out);
            solved(players, &kept.map(|(_, row)| *row).collect::<Vec<_>>(), total)
        })
        .collect();
    let groups = GROUPS as f64;
    let variance = |player: usize| {
        let mean = without.iter().map(|values| values[player]).sum::<f64>() / groups;
        let squares = without.iter().map(|values| (values[player] - mean).powi(2));
        squares.sum::<f64>() * (groups - 1.0) / groups
    };
    let sum: f64 = (0..players).map(variance).sum();
    (values, (sum / players as f64).sqrt())
}

/// The least squares solution with the sum `total`, by the method of conjugate gradients for least
/// squares (Hestenes and Stiefel 1952) on the values less their mean.
fn solved(players: usize, rows: &[(Coalition, f64)], total: f64) -> Vec<f64> {
    let mean = total / players as f64;
    let mut values = vec![mean; players];
    let mut residuals: Vec<f64> =
        rows.iter().map(|&(set, gain)| gain - mean * f64::from(set.count_ones())).collect();
    let mut descent = slope(players, rows, &residuals);
    let mut direction = descent.clone();
    let mut size = dot(&descent, &descent);
    let enough = size * 1e-24;
    for _ in 0..2 * players {
        let steps: Vec<f64> = rows.iter().map(|&(set, _)| sum_over(set, &direction)).collect();
        let curvature = dot(&steps, &steps);
        if size <= enough || curvature == 0.0 {
            break;
        }
        let length = size / curvature;
        values.iter_mut().zip(&direction).for_each(|(value, d)| *value += length * d);
        residuals.iter_mut().zip(&steps).for_each(|(residual, step)| *residual -= length * step);
        descent = slope(players, rows, &residuals);
        let next = dot(&descent, &descent);
        direction.iter_mut().zip(&descent).for_each(|(d, s)| *d = s + next / size * *d);
        size = next;
    }
    values
}

/// For each player, the sum of the residuals of its sets, less the mean over the players.
fn slope(players: usize, rows: &[(Coalition, f64)], residuals: &[f64]) -> Vec<f64> {
    let mut slope = vec![0.0; players];
    for (&(set, _), residual) in rows.iter().zip(residuals) {
        members(set).for_each(|player| slope[player] += residual);
    }
    let mean = slope.iter().sum::<f64>() / players as f64;
    slope.iter_mut().for_each(|value| *value -= mean);
    slope
}

fn sum_over(set: Coalition, values: &[f64]) -> f64 {
    members(set).map(|player| values[player]).sum()
}

fn members(set: Coalition) -> impl Iterator<Item = usize> {
    let rest = std::iter::successors(Some(set), |set| Some(set & (set - 1)));
    rest.take_while(|set| *set != 0).map(|set| set.trailing_zeros() as usize)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A game of seven players with pairs that count twice.
    fn game(set: Coalition) -> f64 {
        let own = [1.0, -2.0, 0.5, 0.0, 3.0, 0.25, -1.0];
        let mut score = 0.75 + sum_over(set, &own);
        for (a, b, gain) in [(0, 1, 4.0), (2, 5, -3.0), (4, 6, 0.5)] {
            score += if set >> a & 1 == 1 && set >> b & 1 == 1 { gain } else { 0.0 };
        }
        score
    }

    /// What a pair gains belongs to both by halves.
    const VALUES: [f64; 7] = [3.0, 0.0, -1.0, 0.0, 3.25, -1.25, -0.75];

    fn largest_difference(values: &[f64]) -> f64 {
        values.iter().zip(VALUES).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn shapley_values_share_what_a_pair_gains() {
        let scores: Vec<f64> = (0..1 << 7).map(game).collect();
        assert!(largest_difference(&shapley_values(7, &scores)) < 1e-12);
    }

    #[test]
    fn least_squares_with_the_shapley_kernel_gives_the_same() {
        // Every set of k players as often as the kernel weighs it: 2940 / (C(7, k)·k·(7 − k)).
        let times = [0, 70, 14, 7, 7, 14, 70, 0];
        let coalitions: Vec<Coalition> = (1..127u64)
            .flat_map(|set| std::iter::repeat_n(set, times[set.count_ones() as usize]))
            .collect();
        let gains: Vec<f64> = coalitions.iter().map(|&set| game(set) - game(0)).collect();
        let total = game(127) - game(0);
        let values = solved(7, &coalitions.into_iter().zip(gains).collect::<Vec<_>>(), total);
        assert!(largest_difference(&values) < 1e-9, "{values:?}");
    }

    #[test]
    fn a_game_without_pairs_is_solved_exactly_from_few_sets() {
        let own = [0.5, -1.5, 2.0, 4.0, -0.25];
        let coalitions: Vec<Coalition> =
            (0..40).map(|index| 1 + index * 7 % 30).flat_map(|set| [set, 31 & !set]).collect();
        let gains: Vec<f64> = coalitions.iter().map(|&set| sum_over(set, &own)).collect();
        let (values, error) = least_squares(5, &coalitions, &gains, own.iter().sum());
        assert!(values.iter().zip(own).all(|(a, b)| (a - b).abs() < 1e-10), "{values:?}");
        assert!(error < 1e-10, "{error}");
    }
}
