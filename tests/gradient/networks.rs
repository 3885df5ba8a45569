use super::case::assert_all;

#[test]
fn whole_networks_give_the_gradient_of_autograd() {
    assert_all("network_cases.jsonl", 1e-4);
}
