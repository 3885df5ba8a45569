//! The figures: one file each, one row each in [`FIGURES`].

mod average_drop;
mod complexity;
mod deletion;
mod energy;
mod increase;
mod infidelity;
mod insertion;
mod max_sensitivity;
mod pointing_game;
mod randomization;
mod road;
mod sparseness;

use super::Figure;
use crate::attribution::Integer;

/// Every figure, in the order of names. This table is the only list: parameters, `--help` and the
/// page come from it, and tests hold openapi.yaml and docs/evaluation.md to it.
pub const FIGURES: &[Figure] = &[
    average_drop::FIGURE,
    complexity::FIGURE,
    deletion::FIGURE,
    energy::FIGURE,
    increase::FIGURE,
    infidelity::FIGURE,
    insertion::FIGURE,
    max_sensitivity::FIGURE,
    pointing_game::FIGURE,
    randomization::FIGURE,
    road::FIGURE,
    sparseness::FIGURE,
];

/// The parameter that sets the number of steps of a curve.
const POINTS: Integer = Integer {
    name: "points",
    range: [1, 1000],
    default: Some(20),
    help: "steps in which deletion and insertion take the whole picture",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::METHODS;

    #[test]
    fn rows_are_in_the_order_of_names_and_papers_are_addresses() {
        assert!(FIGURES.is_sorted_by(|a, b| a.name < b.name));
        for figure in FIGURES {
            assert!(figure.paper.starts_with("https://"), "{}", figure.name);
        }
    }

    #[test]
    fn no_parameter_has_the_name_of_a_methods_parameter() {
        let own = FIGURES.iter().flat_map(|figure| figure.parameters).map(|row| row.name());
        let of_methods: Vec<&str> =
            METHODS.iter().flat_map(|method| method.parameters).map(|row| row.name()).collect();
        let shared: Vec<&str> = own.filter(|name| of_methods.contains(name)).collect();
        assert!(shared.is_empty(), "{shared:?}");
    }
}
