//! The sets of backward rules: one file each, one row each in [`RULES`].

mod ancestors;
mod attnlrp;
mod deconvnet;
mod deeplift;
mod guided_backprop;
mod lrp;
mod lrp_conv;
mod lrp_refusal;
mod relu;

use super::Rules;

pub use attnlrp::ATTNLRP;
pub use deconvnet::DECONVNET;
pub use deeplift::DEEPLIFT;
pub use guided_backprop::GUIDED_BACKPROP;
pub use lrp::{
    LRP_EPSILON, LRP_EPSILON_ALPHA2_BETA1, LRP_EPSILON_GAMMA_BOX, LRP_EPSILON_PLUS,
    LRP_EPSILON_PLUS_FLAT,
};

/// Every set of rules. No two have the same name, because caches tell them apart by it.
pub const RULES: &[&Rules] = &[
    Rules::GRADIENT,
    GUIDED_BACKPROP,
    DECONVNET,
    LRP_EPSILON,
    LRP_EPSILON_PLUS,
    LRP_EPSILON_PLUS_FLAT,
    LRP_EPSILON_GAMMA_BOX,
    LRP_EPSILON_ALPHA2_BETA1,
    DEEPLIFT,
    ATTNLRP,
];

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn no_two_sets_of_rules_have_the_same_name() {
        for (index, rules) in RULES.iter().enumerate() {
            assert!(RULES[..index].iter().all(|other| other.name != rules.name));
        }
    }
}
