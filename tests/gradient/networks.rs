use super::case::{assert_all, read};

#[test]
fn gradients_of_whole_networks_equal_autograd() {
    assert_all("network_cases.jsonl", 1e-4);
}

/// Network, value, and how many numbers are computed for each channel of the value. For all other
/// values there is one number per position.
const SHORTER_ROWS: [(&str, &str, usize); 6] = [
    // A mean over all positions follows.
    ("Residual", "b", 1),
    ("SqueezeExcite", "b", 1),
    // Pools, then a dense layer.
    ("Flattened", "b", 1),
    // A pool of 6 × 6 outputs, then a convolution.
    ("Flattened", "a", 36),
    ("ChannelsLast", "b", 1),
    // A multiplication follows. It does not keep the sums, so every position has its number.
    ("ChannelsLast", "a", 36),
];

#[test]
fn channel_sums_equal_those_of_autograd() {
    let mut failures = Vec::new();
    for case in read("network_cases.jsonl") {
        for (layer, axis) in case.channel_axes() {
            let wanted = SHORTER_ROWS
                .iter()
                .find(|(network, value, _)| case.name.starts_with(network) && *value == layer);
            let wanted = wanted.map_or_else(|| case.positions(layer, axis), |wanted| wanted.2);
            let result = case.sums_error(layer, axis);
            if !result.as_ref().is_ok_and(|&(count, error)| error <= 1e-4 && count == wanted) {
                failures.push(format!("{}, {layer}: {result:?}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
