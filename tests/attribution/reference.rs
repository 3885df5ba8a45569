//! Methods on a small network against Captum and PyTorch in float64
//! (`tests/reference/methods/make_references.py`).

use std::path::{Path, PathBuf};

use convscope::service::{Context, Explain, OutputFormat};
use ndarray::{ArrayD, Axis};

use crate::convnet::{ask_about, context_of, largest, npz};

/// The parameters with which the references were made.
const FIXED: &[(&str, &[(&str, &str)])] = &[
    ("ablationcam", &[("layer", "block")]),
    ("input_x_gradient", &[]),
    ("integrated_gradients", &[("steps", "50"), ("max_steps", "50")]),
    ("kernel_shap", &[("grid", "2")]),
    ("occlusion", &[("window", "5"), ("stride", "3")]),
    ("reciprocam", &[("layer", "block")]),
    ("saliency", &[]),
    ("scorecam", &[("layer", "block")]),
];

/// Methods with backward rules of their own. A composite may follow the method.
const WITH_RULES: &[(&str, &[(&str, &str)])] = &[
    ("deconvnet", &[]),
    ("deeplift", &[("baseline", "blur")]),
    ("guided_backprop", &[]),
    ("guided_gradcam", &[("layer", "block")]),
    ("lrp/epsilon", &[("composite", "epsilon")]),
    ("lrp/epsilon_plus", &[("composite", "epsilon_plus")]),
    ("lrp/epsilon_plus_flat", &[("composite", "epsilon_plus_flat")]),
    ("lrp/epsilon_gamma_box", &[("composite", "epsilon_gamma_box")]),
    ("lrp/epsilon_alpha2_beta1", &[("composite", "epsilon_alpha2_beta1")]),
];

/// Methods of chance, and how far their map may be from a reference of 40,000 samples, as a
/// multiple of the standard error that they state.
const RANDOM: &[(&str, &[(&str, &str)])] = &[
    ("expected_gradients", &[("samples", "1000"), ("baselines", "levels")]),
    ("rise", &[("masks", "4000")]),
    ("smoothgrad", &[("samples", "1000")]),
    ("smoothgrad_squared", &[("samples", "1000")]),
];

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/methods").join(name)
}

fn context() -> Context {
    context_of(&reference("network"))
}

/// The map of class 2, and the attributions of the channels where the method has them.
fn found(
    context: &Context,
    score: &str,
    method: &str,
    parameters: &[(&str, &str)],
) -> (ArrayD<f64>, Option<ArrayD<f64>>) {
    let asked = [&[("method", method), ("score", score), ("class", "2")], parameters].concat();
    let picture = reference("picture.png");
    let mut arrays = npz(&ask_about::<Explain>(context, &picture, OutputFormat::Npz, &asked).body);
    let channels = arrays.remove(&format!("{method}/2/channels"));
    (arrays.remove(&format!("{method}/2")).unwrap(), channels)
}

fn root_mean_square(values: &ArrayD<f64>) -> f64 {
    (values.mapv(|value| value * value).sum() / values.len() as f64).sqrt()
}

#[test]
fn maps_are_those_of_captum_and_of_the_papers_formulas() {
    let expected = npz(&std::fs::read(reference("maps.npz")).unwrap());
    let context = context();
    let mut wrong = Vec::new();
    for score in ["probability", "logit"] {
        for (method, parameters) in FIXED {
            let expected = &expected[&format!("{score}/{method}")];
            let (map, channels) = found(&context, score, method, parameters);
            let found = channels.unwrap_or(map);
            assert_eq!(found.shape(), expected.shape(), "{method}");
            let error = largest(&(&found - expected)) / largest(expected);
            // Rounding errors of float32. The differences of scores in Ablation-CAM and occlusion
            // are small beside the scores.
            if error > 2e-5 {
                wrong.push(format!("{method} of the {score}: {error:e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `make_rule_references.py` makes these references.
#[test]
fn maps_by_other_backward_rules_are_those_of_captum_and_zennit() {
    let expected = npz(&std::fs::read(reference("rule_maps.npz")).unwrap());
    let context = context();
    let mut wrong = Vec::new();
    for (name, parameters) in WITH_RULES {
        let method = name.split('/').next().unwrap();
        let (map, channels) = found(&context, "logit", method, parameters);
        let channels = channels.unwrap();
        let error = largest(&(&channels - &expected[*name])) / largest(&expected[*name]);
        let sums = largest(&(channels.sum_axis(Axis(0)) - map)) / largest(&expected[*name]);
        // The ε rule divides by sums that may be small, so rounding errors of float32 grow.
        if error > 1e-4 || sums > 1e-6 {
            wrong.push(format!("{name}: {error:e}, the sum over channels {sums:e}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn relevance_by_the_epsilon_rule_is_the_input_times_its_gradient_where_all_activations_are_relus() {
    let (relevance, _) = found(&context(), "logit", "lrp", &[("composite", "epsilon")]);
    let (product, _) = found(&context(), "logit", "input_x_gradient", &[]);
    let error = largest(&(relevance - &product)) / largest(&product);
    assert!(error < 1e-3, "{error:e}");
    for (composite, expected) in [("epsilon", Some("input_x_gradient")), ("epsilon_plus", None)] {
        let asked = [("method", "lrp"), ("composite", composite)];
        let picture = reference("picture.png");
        let json = ask_about::<Explain>(&context(), &picture, OutputFormat::Json, &asked).body;
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["maps"][0]["same_as"].as_str(), expected, "{composite}");
    }
}

/// The completeness that the JSON answer states.
fn completeness(method: &str, parameters: &[(&str, &str)]) -> [f64; 3] {
    let asked = [&[("method", method), ("class", "2")], parameters].concat();
    let (context, picture) = (context(), reference("picture.png"));
    let json = ask_about::<Explain>(&context, &picture, OutputFormat::Json, &asked).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let stated = &json["maps"][0]["completeness"];
    ["sum", "difference", "residue"].map(|name| stated[name].as_f64().unwrap())
}

#[test]
fn relevance_and_multipliers_sum_to_what_they_explain() {
    let asked = [("method", "saliency"), ("score", "logit"), ("class", "2")];
    let picture = reference("picture.png");
    let json = ask_about::<Explain>(&context(), &picture, OutputFormat::Json, &asked).body;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let logit = json["maps"][0]["logit"].as_f64().unwrap();
    for (name, parameters) in WITH_RULES.iter().filter(|(name, _)| name.starts_with("lrp")) {
        let parameters = [*parameters, &[("score", "logit")]].concat();
        let [sum, relevance, residue] = completeness("lrp", &parameters);
        assert!((relevance - logit).abs() < 1e-5, "{name}: {relevance} is not {logit}");
        assert!((sum + residue - relevance).abs() < 1e-5, "{name}");
    }
    for score in ["logit", "probability"] {
        for baseline in ["zero", "white", "blur", "noise"] {
            let given = [("score", score), ("baseline", baseline)];
            let [_, difference, residue] = completeness("deeplift", &given);
            let limit = 1e-4 * difference.abs() + 2e-6;
            assert!(residue.abs() < limit, "{given:?}: {residue} of {difference}");
        }
    }
}

#[test]
fn maps_of_chance_are_within_their_standard_error_of_a_large_sample() {
    let expected = npz(&std::fs::read(reference("maps.npz")).unwrap());
    let context = context();
    let mut wrong = Vec::new();
    for score in ["probability", "logit"] {
        for (method, parameters) in RANDOM {
            let mut expected = expected[&format!("{score}/{method}")].clone();
            if expected.ndim() == 3 {
                expected = expected.sum_axis(Axis(0));
            }
            let asked = [&[("method", *method), ("score", score), ("class", "2")], *parameters];
            let picture = reference("picture.png");
            let json =
                ask_about::<Explain>(&context, &picture, OutputFormat::Json, &asked.concat());
            let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
            let stated = json["maps"][0]["standard_error"].as_f64().unwrap();
            let (map, _) = found(&context, score, method, parameters);
            let error = root_mean_square(&(map - expected));
            // The errors of neighbouring pixels are correlated, so their mean varies.
            if !(0.3 * stated..=2.5 * stated).contains(&error) {
                wrong.push(format!("{method} of the {score}: {error:e}, stated {stated:e}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn vargrad_is_the_variance_of_a_large_sample() {
    let expected = npz(&std::fs::read(reference("maps.npz")).unwrap());
    for score in ["probability", "logit"] {
        let expected = &expected[&format!("{score}/vargrad")];
        let (_, channels) = found(&context(), score, "vargrad", &[("samples", "1000")]);
        let error = root_mean_square(&(channels.unwrap() - expected)) / root_mean_square(expected);
        // Of 1000 normal numbers it would be √(2/1000), or 4.5 %.
        assert!(error < 0.12, "{score}: {error}");
    }
}
