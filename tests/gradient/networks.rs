use super::case::{assert_all, read};

#[test]
fn whole_networks_give_the_gradient_of_autograd() {
    assert_all("network_cases.jsonl", 1e-4);
}

/// Values of which less than a number for each position has to be computed, and how many numbers
/// for each channel. Of all others there are as many as positions.
const CONDENSED: [(&str, &str, usize); 6] = [
    // A mean over all positions follows.
    ("Residual", "b", 1),
    ("SqueezeExcite", "b", 1),
    // Pools, then a dense layer.
    ("Flattened", "b", 1),
    // A pool of 6 × 6 outputs, then a convolution.
    ("Flattened", "a", 36),
    ("ChannelsLast", "b", 1),
    // Behind a factor all is as it was.
    ("ChannelsLast", "a", 36),
];

#[test]
fn the_sums_are_those_of_the_gradient_of_autograd() {
    let mut failures = Vec::new();
    for case in read("network_cases.jsonl") {
        for (layer, axis) in case.channel_axes() {
            let wanted = CONDENSED.iter().find(|(network, condensed, _)| {
                case.name.starts_with(network) && *condensed == layer
            });
            let wanted = wanted.map_or_else(|| case.positions(layer, axis), |wanted| wanted.2);
            let result = case.sums_error(layer, axis);
            if !result.as_ref().is_ok_and(|&(count, error)| error <= 1e-4 && count == wanted) {
                failures.push(format!("{}, {layer}: {result:?}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
