//! The methods: one file each, one row each in [`METHODS`].

mod ablationcam;
mod gradcam;
mod hirescam;
mod input_x_gradient;
mod integrated_gradients;
mod occlusion;
mod reciprocam;
mod rise;
mod saliency;
mod smoothgrad;
mod smoothgrad_squared;
mod vargrad;

use super::Method;

/// Every method, in the order of names. This table is the only list: routes, parameters, `--help`,
/// `GET /methods` and the page's menu come from it, and tests hold openapi.yaml and the README to
/// it.
pub const METHODS: &[Method] = &[
    ablationcam::METHOD,
    gradcam::METHOD,
    hirescam::METHOD,
    input_x_gradient::METHOD,
    integrated_gradients::METHOD,
    occlusion::METHOD,
    reciprocam::METHOD,
    rise::METHOD,
    saliency::METHOD,
    smoothgrad::METHOD,
    smoothgrad_squared::METHOD,
    vargrad::METHOD,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Need;
    use crate::gradient::Rules;

    #[test]
    fn rows_are_in_the_order_of_names_and_papers_are_addresses() {
        assert!(METHODS.is_sorted_by(|a, b| a.name < b.name));
        for method in METHODS {
            assert!(method.paper.starts_with("https://"), "{}", method.name);
        }
    }

    #[test]
    fn the_rules_of_methods_are_in_the_list_of_all_rules() {
        let needs = METHODS.iter().flat_map(|method| method.needs);
        for rules in needs.filter_map(Need::rules) {
            assert!(Rules::ALL.iter().any(|known| known.name == rules.name), "{rules:?}");
        }
    }

    #[test]
    fn parameters_of_one_name_take_the_same_values() {
        let rows = METHODS.iter().flat_map(|method| method.parameters);
        let mut wrong = Vec::new();
        for row in rows.clone() {
            let first = rows.clone().find(|first| first.name() == row.name());
            if !first.is_some_and(|first| first.takes_same_values(row)) {
                wrong.push(row.name());
            }
        }
        assert_eq!(wrong, [""; 0]);
    }
}
