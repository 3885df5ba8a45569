use super::case::read;

/// The largest error, relative to the largest element of the gradient.
const TOLERANCE: f32 = 1e-4;

#[test]
fn whole_networks_give_the_gradient_of_autograd() {
    let cases = read("network_cases.jsonl");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| match case.error() {
            Ok(error) if error <= TOLERANCE => None,
            Ok(error) => Some(format!("{}: error {error:e}", case.name)),
            Err(error) => Some(format!("{}: {error}", case.name)),
        })
        .collect();
    let failed = failures.len();
    assert!(failures.is_empty(), "{failed} of {}:\n{}", cases.len(), failures.join("\n"));
}
