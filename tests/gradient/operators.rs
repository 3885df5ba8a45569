use std::collections::HashSet;

use convscope::gradient::operators;

use super::case::{assert_all, read};

#[test]
fn every_case_equals_its_reference_gradient() {
    assert_all("operator_cases.jsonl", 2e-5);
}

#[test]
fn every_operator_has_a_case() {
    let cases = read("operator_cases.jsonl");
    let covered: HashSet<&str> = cases.iter().map(|case| case.operator.as_str()).collect();
    let missing: Vec<&str> =
        operators().iter().map(|row| row.name).filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "operators without a case: {missing:?}");
}

#[test]
fn the_table_is_sorted() {
    assert!(operators().is_sorted_by_key(|row| row.name));
}
