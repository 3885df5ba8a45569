/// Spearman's rank correlation of two lists of equal length, from −1 to 1. Equal values share the
/// mean of their ranks. None where all values of a list are equal.
#[must_use]
pub fn rank_correlation<'v>(
    a: impl IntoIterator<Item = &'v f32>,
    b: impl IntoIterator<Item = &'v f32>,
) -> Option<f64> {
    correlation(&ranks(a.into_iter().copied().collect()), &ranks(b.into_iter().copied().collect()))
}

/// The rank of each value.
fn ranks(values: Vec<f32>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first as f64 + (group.len() - 1) as f64 / 2.0;
        group.iter().for_each(|&index| ranks[index] = mean);
        first += group.len();
    }
    ranks
}

/// Pearson's correlation.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut products, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        products += a * b;
        squares_a += a * a;
        squares_b += b * b;
    }
    let scale = (squares_a * squares_b).sqrt();
    (scale > 0.0).then(|| products / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_alone_counts() {
        let found = |a: &[f32], b: &[f32]| rank_correlation(a, b);
        assert_eq!(found(&[1.0, 2.0, 9.0], &[-1.0, 0.0, 0.5]), Some(1.0));
        assert_eq!(found(&[1.0, 2.0, 9.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(found(&[1.0, 1.0], &[1.0, 2.0]), None);
        // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4])
        let tied = found(&[1.0, 2.0, 2.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap();
        assert!((tied - 0.948_683_298_050_513_8).abs() < 1e-12);
    }
}
