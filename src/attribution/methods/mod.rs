//! The methods: one file each, one row each in [`METHODS`].

mod gradcam;
mod hirescam;

use super::Method;

/// Every method, in the order of names. This table is the only list: routes, parameters, `--help`,
/// `GET /methods` and the page's menu come from it, and tests hold openapi.yaml and the README to
/// it.
pub const METHODS: &[Method] = &[gradcam::METHOD, hirescam::METHOD];

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
        for need in METHODS.iter().flat_map(|method| method.needs) {
            if let Need::Gradient(rules) = need {
                assert!(Rules::ALL.iter().any(|known| known.name == rules.name), "{rules:?}");
            }
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
