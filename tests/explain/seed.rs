//! Seeds against closed forms.

use convscope::config::Activation;
use convscope::explain::{Score, Seed, SeedError, probabilities, seed};
use serde::Deserialize;

use crate::preprocess::bytes;

#[derive(Deserialize)]
struct Case {
    logits: Vec<f32>,
    class: usize,
    probability: f64,
    ln_scale: f64,
    cotangent: Vec<f64>,
}

fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs()
}

#[test]
fn softmax_seeds_are_the_derivative_up_to_margins_of_200() {
    let cases: Vec<Case> = serde_json::from_slice(&bytes("cam/softmax_seeds.json")).unwrap();
    for Case { logits, class, probability, ln_scale, cotangent } in cases {
        let found = seed(&logits, class, Score::Probability, Activation::Softmax).unwrap();
        let message = format!("{logits:?}, class {class}: {found:?}");
        assert!(near(found.probability.unwrap(), probability, 1e-12), "{message}");
        assert!(near(found.ln_scale, ln_scale, 1e-12), "{message}");
        assert!(near(found.scale, ln_scale.exp(), 1e-9), "{message}");
        for (&found, &expected) in found.cotangent.iter().zip(&cotangent) {
            // Values below float32's range cannot be compared.
            let difference = (f64::from(found) - expected).abs();
            assert!(difference <= 1e-6 * expected.abs() + 1e-44, "{message}");
        }
        assert_eq!(found.saturated, probability as f32 == 1.0, "{message}");
        let all = probabilities(&logits, Activation::Softmax);
        assert!(near(all[class], probability, 1e-12));
    }
}

/// s (1 − s) of the logistic function.
fn slope(z: f64) -> f64 {
    1.0 / (2.0 + z.exp() + (-z).exp())
}

#[test]
fn one_sigmoid_unit_has_two_classes() {
    for z in [-200.0f32, -20.0, -3.0, 0.0, 0.7, 16.0, 20.0, 200.0] {
        let of = |class| seed(&[z], class, Score::Probability, Activation::Sigmoid).unwrap();
        let (zero, one) = (of(0), of(1));
        assert_eq!((zero.cotangent[0], one.cotangent[0]), (-1.0, 1.0));
        for found in [&zero, &one] {
            assert!(near(found.scale, slope(f64::from(z)), 1e-12), "{z}: {found:?}");
            assert_eq!(found.saturated, z > 17.0, "{z}: {found:?}");
        }
        let p = 1.0 / (1.0 + (-f64::from(z)).exp());
        assert!(near(one.probability.unwrap(), p, 1e-12));
        let both = probabilities(&[z], Activation::Sigmoid);
        assert_eq!(both, [zero.probability.unwrap(), one.probability.unwrap()]);
        assert!((both[0] + both[1] - 1.0).abs() < 1e-15);
    }
}

#[test]
fn several_sigmoid_units_and_logits_are_seeded_one_by_one() {
    let logits = [0.5, -1.0, 3.0];
    let found = seed(&logits, 2, Score::Probability, Activation::Sigmoid).unwrap();
    assert_eq!(found.cotangent, [0.0, 0.0, 1.0]);
    assert!(near(found.scale, slope(3.0), 1e-12));

    for activation in [Activation::Softmax, Activation::Sigmoid, Activation::Logits] {
        let found = seed(&logits, 1, Score::Logit, activation).unwrap();
        assert_eq!(found.cotangent, [0.0, 1.0, 0.0]);
        assert_eq!((found.scale, found.ln_scale, found.saturated), (1.0, 0.0, false));
        assert_eq!(found.probability.is_none(), activation == Activation::Logits);
    }
    // Without probabilities the logit is explained, and the seed says so.
    let found: Seed = seed(&logits, 1, Score::Probability, Activation::Logits).unwrap();
    assert_eq!(found.score, Score::Logit);
}

#[test]
fn a_missing_class_and_a_logit_that_is_not_finite_are_refused() {
    let error = seed(&[1.0, 2.0], 2, Score::Logit, Activation::Softmax).unwrap_err();
    assert_eq!(error, SeedError::NoSuchClass { class: 2, classes: 2 });
    let error = seed(&[1.0], 2, Score::Logit, Activation::Sigmoid).unwrap_err();
    assert_eq!(error, SeedError::NoSuchClass { class: 2, classes: 2 });
    let error = seed(&[1.0, f32::NAN], 0, Score::Logit, Activation::Softmax).unwrap_err();
    assert_eq!(error, SeedError::NotFinite { index: 1 });
}
