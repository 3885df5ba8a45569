//! Class activation maps in closed form.

use convscope::attribution::{AttributionError, Evaluator, Map, Options, Session, find_method};
use convscope::config::{Activation, ParameterError, Parameters};
use convscope::explain::{Score, Target};
use convscope::gradient::Rules;
use ndarray::{Array1, Array2, Array3, ArrayView3, Axis, array};

use super::formula::numbers;

/// Logits that are linear in the layer's value: the gradient of logit c is `weights[c]`.
struct Linear {
    activations: Array3<f32>,
    weights: Vec<Array3<f32>>,
}

impl Evaluator for Linear {
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Ok(self.activations.view())
    }

    fn channel_sums(&self, cotangent: &[f32]) -> Result<Vec<f64>, AttributionError> {
        let gradient = self.gradient(cotangent, Rules::GRADIENT)?.mapv(f64::from);
        Ok(gradient.sum_axis(Axis(2)).sum_axis(Axis(1)).to_vec())
    }

    fn gradient(&self, cotangent: &[f32], _: &Rules) -> Result<Array3<f32>, AttributionError> {
        let zero = Array3::zeros(self.activations.dim());
        let weighted = cotangent.iter().zip(&self.weights);
        Ok(weighted.fold(zero, |sum, (&c, weights)| sum + weights * c))
    }
}

impl Linear {
    /// One logit.
    fn of(activations: Array3<f32>, weights: Array3<f32>) -> Self {
        Self { activations, weights: vec![weights] }
    }

    /// The map for class 0.
    fn try_map(&self, method: &str, given: &[(&str, &str)]) -> Result<Map, AttributionError> {
        let method = find_method(method).unwrap();
        let mut parameters = Parameters::default();
        given.iter().for_each(|(name, value)| parameters.push(*name, *value).unwrap());
        let class = |text: &str| Ok::<usize, ParameterError>(text.parse().unwrap());
        let options = Options::read(&parameters, method.parameters, class).unwrap();
        let products = self.weights.iter().map(|weights| (weights * &self.activations).sum());
        let logits: Vec<f32> = products.collect();
        let target = Target { class: 0, score: Score::Logit, activation: Activation::Logits };
        (method.run)(&Session::new(self, &logits, target)?, &options)
    }

    fn map(&self, method: &str, given: &[(&str, &str)]) -> Array2<f64> {
        self.try_map(method, given).unwrap().values.mapv(f64::from)
    }
}

const SHAPE: (usize, usize, usize) = (3, 4, 5);

/// A layer after ReLU with a dead channel, and signed weights.
fn rectified() -> Linear {
    let mut activations = numbers(SHAPE, 37).mapv(|a| a.max(0.0));
    activations.index_axis_mut(Axis(0), 1).fill(0.0);
    Linear::of(activations, numbers(SHAPE, 53))
}

/// Σₖ wₖ·Aₖ.
fn weighted(network: &Linear, weight: impl Fn(usize) -> f64) -> Array2<f64> {
    let channels = network.activations.outer_iter().enumerate();
    channels.fold(Array2::zeros((4, 5)), |sum, (k, a)| sum + a.mapv(f64::from) * weight(k))
}

/// Σₖ f(gₖ, Aₖ), element by element.
fn combined(network: &Linear, f: impl Fn(f64, f64) -> f64) -> Array2<f64> {
    let mut sum = Array2::zeros((4, 5));
    for ((k, i, j), &a) in network.activations.indexed_iter() {
        sum[[i, j]] += f(f64::from(network.weights[0][[k, i, j]]), f64::from(a));
    }
    sum
}

fn check(name: &str, found: &Array2<f64>, expected: &Array2<f64>) {
    let largest = |map: &Array2<f64>| map.iter().fold(0.0f64, |max, v| max.max(v.abs()));
    assert_eq!(found.dim(), expected.dim());
    let error = largest(&(found - expected)) / largest(expected);
    assert!(error < 1e-6, "{name}: {error:e}");
}

#[test]
fn maps_are_those_of_the_papers_formulas() {
    let network = rectified();
    let (a, g) = (network.activations.mapv(f64::from), network.weights[0].mapv(f64::from));
    let of = |values: &Array3<f64>, k: usize| values.index_axis(Axis(0), k).to_owned();
    let plus_plus = |k: usize| {
        let sum = of(&a, k).sum();
        // Equation 19 as it is printed.
        let alpha = |g: f64| g.powi(2) / (2.0 * g.powi(2) + sum * g.powi(3));
        of(&g, k).iter().filter(|&&g| g > 0.0).map(|&g| alpha(g) * g).sum()
    };
    let x = |k: usize| {
        let sum = of(&a, k).sum();
        if sum == 0.0 { 0.0 } else { (of(&a, k) * of(&g, k)).sum() / sum }
    };
    let rare = |k: usize| {
        let channel = of(&a, k);
        let mean = channel.sum() / 20.0;
        let variance = channel.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / 20.0;
        let threshold = mean + 2.0 * variance.sqrt();
        channel.iter().filter(|&&a| a > threshold).count() as f64 / 20.0
    };
    let cases = [
        ("gradcam++", weighted(&network, plus_plus)),
        ("xgradcam", weighted(&network, x)),
        ("fem", weighted(&network, rare)),
        ("cam", weighted(&network, |k| of(&g, k).sum())),
        ("hirescam", combined(&network, |g, a| g * a)),
        ("layercam", combined(&network, |g, a| g.max(0.0) * a)),
        ("gradcamelementwise", combined(&network, |g, a| (g * a).max(0.0))),
    ];
    for (method, expected) in cases {
        check(method, &network.map(method, &[]), &expected);
    }
}

#[test]
fn an_element_counts_where_activation_and_gradient_have_one_sign() {
    let network = Linear::of(numbers(SHAPE, 37), numbers(SHAPE, 53));
    let expected = combined(&network, |g, a| (g * a).max(0.0));
    check("gradcamelementwise", &network.map("gradcamelementwise", &[]), &expected);
    let expected = combined(&network, |g, a| g.max(0.0) * a);
    check("layercam", &network.map("layercam", &[]), &expected);
}

#[test]
fn gradcam_plus_plus_warns_where_a_channels_sum_is_negative() {
    let hint = |network: &Linear| network.try_map("gradcam++", &[]).unwrap().hint;
    assert_eq!(hint(&rectified()), None);
    let signed = Linear::of(numbers(SHAPE, 37) - 0.5, numbers(SHAPE, 53));
    assert!(hint(&signed).unwrap().contains("layercam"));
}

#[test]
fn xgradcam_of_a_channel_whose_sum_is_zero_is_finite() {
    let mut activations = Array3::zeros(SHAPE);
    (activations[[0, 0, 0]], activations[[0, 0, 1]]) = (1.0, -1.0);
    let map = Linear::of(activations, numbers(SHAPE, 53)).map("xgradcam", &[]);
    assert!(map.iter().all(|value| value.is_finite()), "{map}");
}

/// σ₁·u₁·v₁ᵀ + σ₂·u₂·v₂ᵀ, channels × positions, where u and v are orthonormal, and its first
/// component as it is shown: σ₁·v₁, with the sign that agrees with the sum over channels.
fn two_components(channels: usize, (height, width): (usize, usize)) -> (Array3<f32>, Array2<f64>) {
    let wave = |length: usize, frequency: usize| {
        // The vectors of the discrete cosine transform are orthogonal.
        let angle = |i: usize| (i as f64 + 0.5) * frequency as f64 / length as f64;
        let wave: Array1<f64> =
            (0..length).map(|i| (std::f64::consts::PI * angle(i)).cos()).collect();
        let norm = wave.dot(&wave).sqrt();
        wave / norm
    };
    let positions = height * width;
    let (u, v) = ([0, 1].map(|f| wave(channels, f)), [2, 3].map(|f| wave(positions, f)));
    let value = |k: usize, at: usize| 6.0 * u[0][k] * v[0][at] + 2.0 * u[1][k] * v[1][at];
    let layer = Array3::from_shape_fn((channels, height, width), |(k, i, j)| {
        value(k, i * width + j) as f32
    });
    let first = Array2::from_shape_fn((height, width), |(i, j)| 6.0 * v[0][i * width + j]);
    (layer, first)
}

#[test]
fn eigencam_is_the_first_principal_component() {
    // Fewer channels than positions, and more.
    for (channels, size) in [(3, (4, 5)), (30, (2, 3))] {
        let (layer, first) = two_components(channels, size);
        for sign in [1.0, -1.0] {
            let network = Linear::of(&layer * sign, layer.clone());
            let map = network.try_map("eigencam", &[]).unwrap();
            // Agreement with the sum over channels fixes the sign.
            check("eigencam", &map.values.mapv(f64::from), &(&first * f64::from(sign)));
            let ratio = map.singular_value_ratio.unwrap();
            assert!((ratio - 3.0).abs() < 1e-5, "{ratio}");
            assert_eq!(map.ln_scale, Some(0.0), "it has no class");
        }
    }
}

#[test]
fn a_layer_of_one_component_has_no_ratio_and_a_dead_layer_no_map() {
    let layer = Array3::from_shape_fn(SHAPE, |(k, i, j)| ((k + 1) * (5 * i + j)) as f32);
    let network = Linear::of(layer.clone(), layer.clone());
    let map = network.try_map("eigencam", &[]).unwrap();
    assert_eq!(map.singular_value_ratio, None);
    let expected = layer.index_axis(Axis(0), 0).mapv(|a| f64::from(a) * 14f64.sqrt());
    check("eigencam", &map.values.mapv(f64::from), &expected);
    let dead = Linear::of(Array3::zeros(SHAPE), layer);
    assert_eq!(dead.map("eigencam", &[]), Array2::<f64>::zeros((4, 5)));
}

#[test]
fn a_layer_that_is_too_large_for_a_principal_component_is_refused() {
    let (activations, gradient) = (Array3::ones((4097, 1, 4097)), Array3::ones(SHAPE));
    let error = super::Known { activations, gradient }.map("eigencam").unwrap_err();
    assert!(error.to_string().contains("at most 4096 channels"), "{error}");
}

#[test]
fn centring_removes_what_each_channel_has_everywhere() {
    let (layer, first) = two_components(3, (4, 5));
    // Waves have the mean zero, so that a constant in each channel is what is removed.
    let constants = array![7.0f32, -2.0, 5.0].into_shape_with_order((3, 1, 1)).unwrap();
    let network = Linear::of(&layer + &constants, layer);
    check("eigencam", &network.map("eigencam", &[("center", "true")]), &first);
}

#[test]
fn eigen_smooth_projects_what_the_method_sums() {
    let network = rectified();
    let smooth = [("eigen_smooth", "true")];
    check("hirescam", &network.map("hirescam", &smooth), &network.map("eigengradcam", &[]));
    // Weights that are the same everywhere make Grad-CAM and HiResCAM one method.
    let mut uniform = rectified();
    for (k, mut channel) in uniform.weights[0].outer_iter_mut().enumerate() {
        channel.fill(k as f32 - 0.7);
    }
    let hires = uniform.map("hirescam", &smooth);
    for (method, factor) in [("gradcam", 3.0), ("cam", 1.0 / 20.0), ("xgradcam", 1.0)] {
        check(method, &(uniform.map(method, &smooth) * factor), &hires);
    }
    let map = network.try_map("layercam", &smooth).unwrap();
    assert!(map.singular_value_ratio.is_some_and(|ratio| ratio > 1.0));
}

/// Four classes whose logits are 8, 5, 7 and −1.
fn four_classes() -> Linear {
    let activations = Array3::ones(SHAPE);
    let weights = [8.0, 5.0, 7.0, -1.0].map(|logit: f32| {
        let mut weights = numbers(SHAPE, 53);
        weights += (logit - weights.sum()) / 60.0;
        weights
    });
    Linear { activations, weights: weights.to_vec() }
}

#[test]
fn finercam_takes_the_nearest_classes_away() {
    let network = four_classes();
    let of = |class: usize| {
        let single = Linear::of(network.activations.clone(), network.weights[class].clone());
        // Grad-CAM is the mean over the 3 channels, Finer-CAM their sum.
        single.map("gradcam", &[]) * 3.0
    };
    let cases = [
        (&[][..], of(0) - (of(1) + of(2) + of(3)) * 0.2),
        (&[("references", "1")], of(0) - of(2) * 0.6),
        (&[("references", "2"), ("gamma", "1")], of(0) - (of(1) + of(2)) * 0.5),
        (&[("references", "100")], of(0) - (of(1) + of(2) + of(3)) * 0.2),
        (&[("against", "3"), ("gamma", "1")], of(0) - of(3)),
        (&[("gamma", "0")], of(0)),
    ];
    for (given, expected) in cases {
        check(&format!("{given:?}"), &network.map("finercam", given), &expected);
    }
    let map = network.try_map("finercam", &[]).unwrap();
    assert_eq!((map.score, map.ln_scale), (Some(Score::Logit), Some(0.0)));
    let error = network.try_map("finercam", &[("against", "0")]).unwrap_err().to_string();
    assert!(error.contains("against") && error.contains("other than"), "{error}");
}

#[test]
fn of_one_sigmoid_unit_the_other_class_is_its_complement() {
    let network = Linear::of(numbers(SHAPE, 37), numbers(SHAPE, 53));
    let method = find_method("finercam").unwrap();
    let plain = network.map("gradcam", &[]) * 3.0;
    for (class, sign) in [(1, 1.0), (0, -1.0)] {
        let target = Target { class, score: Score::Probability, activation: Activation::Sigmoid };
        let session = Session::new(&network, &[0.4], target).unwrap();
        let map = (method.run)(&session, &Options::default()).unwrap();
        check("finercam", &map.values.mapv(f64::from), &(&plain * sign * 1.6));
    }
}

#[test]
fn the_shapes_of_layer_and_gradient_must_agree() {
    let (activations, gradient) = (Array3::zeros((2, 3, 4)), numbers(SHAPE, 53));
    let known = super::Known { activations, gradient };
    for method in ["layercam", "gradcamelementwise", "eigengradcam"] {
        let error = known.map(method).unwrap_err().to_string();
        assert!(error.contains("[2, 3, 4]") && error.contains("[3, 4, 5]"), "{error}");
    }
}
