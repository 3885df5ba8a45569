use std::collections::HashSet;

use convscope::gradient::operators;

use super::case::read;

/// The largest error, relative to the largest element of the gradient.
const TOLERANCE: f32 = 2e-5;

#[test]
fn every_case_gives_the_reference_gradient() {
    let cases = read("operator_cases.jsonl");
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

#[test]
fn every_operator_has_a_case() {
    let cases = read("operator_cases.jsonl");
    let covered: HashSet<&str> = cases.iter().map(|case| case.operator.as_str()).collect();
    let missing: Vec<&str> =
        operators().iter().map(|row| row.name).filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

#[test]
fn the_table_is_sorted() {
    assert!(operators().is_sorted_by_key(|row| row.name));
}
