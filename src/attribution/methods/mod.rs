//! The methods: one file each, one row each in [`METHODS`].

mod ablationcam;
mod attnlrp;
mod cam;
mod chefer;
mod deconvnet;
mod deeplift;
mod eigencam;
mod eigengradcam;
mod expected_gradients;
mod fem;
mod finercam;
mod fullgrad;
mod gradcam;
mod gradcam_plus_plus;
mod gradcamelementwise;
mod guided_backprop;
mod guided_gradcam;
mod hirescam;
mod input_x_gradient;
mod integrated_gradients;
mod kernel_shap;
mod layercam;
mod legrad;
mod lrp;
mod occlusion;
mod reciprocam;
mod rise;
mod rollout;
mod saliency;
mod scorecam;
mod smoothgrad;
mod smoothgrad_squared;
mod vargrad;
mod xgradcam;

use super::Method;

/// Every method, in the order of names. This table is the only list: routes, parameters, `--help`,
/// `GET /methods` and the page's menu come from it, and tests hold openapi.yaml and the README to
/// it.
pub const METHODS: &[Method] = &[
    ablationcam::METHOD,
    attnlrp::METHOD,
    cam::METHOD,
    chefer::METHOD,
    deconvnet::METHOD,
    deeplift::METHOD,
    eigencam::METHOD,
    eigengradcam::METHOD,
    expected_gradients::METHOD,
    fem::METHOD,
    finercam::METHOD,
    fullgrad::METHOD,
    gradcam::METHOD,
    gradcam_plus_plus::METHOD,
    gradcamelementwise::METHOD,
    guided_backprop::METHOD,
    guided_gradcam::METHOD,
    hirescam::METHOD,
    input_x_gradient::METHOD,
    integrated_gradients::METHOD,
    kernel_shap::METHOD,
    layercam::METHOD,
    legrad::METHOD,
    lrp::METHOD,
    occlusion::METHOD,
    reciprocam::METHOD,
    rise::METHOD,
    rollout::METHOD,
    saliency::METHOD,
    scorecam::METHOD,
    smoothgrad::METHOD,
    smoothgrad_squared::METHOD,
    vargrad::METHOD,
    xgradcam::METHOD,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Need;
    use crate::gradient::rules::RULES;

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
        for rules in needs.flat_map(Need::rules) {
            assert!(RULES.iter().any(|known| known.name == rules.name), "{rules:?}");
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
