//! A network that is a formula: its logits and their gradient are known at every input.

use convscope::attribution::{
    Alter, AtInput, AttributionError, Evaluator, InputGradient, Map, Options, Session,
    TakeGradient, TakeLogits, find_method,
};
use convscope::config::{Activation, ParameterError, Parameters};
use convscope::explain::{Score, Target};
use convscope::gradient::Rules;
use convscope::preprocess::Preprocessing;
use ndarray::{Array3, ArrayView3};

/// A formula of the input, which is also the layer's value: one logit, and its gradient.
pub(crate) struct Formula {
    pub(crate) input: Array3<f32>,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) target: Target,
    pub(crate) logit: Function<f64>,
    pub(crate) gradient: Function<Array3<f64>>,
}

type Function<T> = Box<dyn Fn(&Array3<f64>) -> T>;

impl Formula {
    /// A formula whose logit is the score.
    pub(crate) fn of(
        input: Array3<f32>,
        logit: impl Fn(&Array3<f64>) -> f64 + 'static,
        gradient: impl Fn(&Array3<f64>) -> Array3<f64> + 'static,
    ) -> Self {
        let target = Target { class: 0, score: Score::Logit, activation: Activation::Logits };
        let preprocessing = Preprocessing::default();
        let (logit, gradient) = (Box::new(logit), Box::new(gradient));
        Self { input, preprocessing, target, logit, gradient }
    }

    /// Σ w ⊙ x + bias.
    pub(crate) fn linear(input: Array3<f32>, weights: Array3<f32>, bias: f64) -> Self {
        let weights = weights.mapv(f64::from);
        let factor = weights.clone();
        Self::of(input, move |x| (x * &factor).sum() + bias, move |_| weights.clone())
    }

    /// The score is the probability: the sigmoid of the logit.
    pub(crate) fn with_sigmoid(mut self) -> Self {
        let (score, activation) = (Score::Probability, Activation::Sigmoid);
        self.target = Target { class: 1, score, activation };
        self
    }

    /// The map of the method called `method`, with these parameters.
    pub(crate) fn map(&self, method: &str, given: &[(&str, &str)]) -> Map {
        let method = find_method(method).unwrap();
        let mut parameters = Parameters::default();
        given.iter().for_each(|(name, value)| parameters.push(*name, *value).unwrap());
        let class = |_: &str| Ok::<usize, ParameterError>(0);
        let options = Options::read(&parameters, method.parameters, class).unwrap();
        let logits = self.logits(&self.input);
        method.map(&Session::new(self, &logits, self.target).unwrap(), &options).unwrap()
    }

    pub(crate) fn logits(&self, x: &Array3<f32>) -> Vec<f32> {
        vec![(self.logit)(&x.mapv(f64::from)) as f32]
    }

    fn altered(&self, index: usize, alter: &Alter<'_>) -> Array3<f32> {
        let mut x = self.input.clone();
        alter(index, x.view_mut());
        x
    }
}

impl Evaluator for Formula {
    fn input(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Ok(self.input.view())
    }

    fn preprocessing(&self) -> Result<&Preprocessing, AttributionError> {
        Ok(&self.preprocessing)
    }

    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        self.input()
    }

    fn gradient(&self, cotangent: &[f32], rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.input_gradient(cotangent, rules)
    }

    fn at_inputs(
        &self,
        count: usize,
        alter: &Alter<'_>,
        each: &mut AtInput<'_>,
    ) -> Result<(), AttributionError> {
        for index in 0..count {
            let input = self.altered(index, alter);
            let logits = self.logits(&input);
            each(&At { formula: self, input }, &logits)?;
        }
        Ok(())
    }

    fn input_gradient(
        &self,
        cotangent: &[f32],
        _: &Rules,
    ) -> Result<Array3<f32>, AttributionError> {
        let gradient = (self.gradient)(&self.input.mapv(f64::from));
        Ok(gradient.mapv(|g| g as f32 * cotangent[0]))
    }

    fn input_gradients(
        &self,
        _: &Rules,
        count: usize,
        alter: &Alter<'_>,
        target: &Target,
        take: &mut TakeGradient<'_>,
    ) -> Result<(), AttributionError> {
        for index in 0..count {
            let x = self.altered(index, alter);
            let logits = self.logits(&x);
            let seed = target.seed(&logits)?;
            let gradient = (self.gradient)(&x.mapv(f64::from));
            let gradient = gradient.mapv(|g| g as f32 * seed.cotangent[0]);
            let (score, values) = (target.score(&logits)?, gradient.view());
            take(index, InputGradient { score, scale: seed.scale, values });
        }
        Ok(())
    }

    fn each_logits(
        &self,
        count: usize,
        alter: &Alter<'_>,
        take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        for index in 0..count {
            take(index, &self.logits(&self.altered(index, alter)))?;
        }
        Ok(())
    }

    fn each_logits_from_layer(
        &self,
        count: usize,
        alter: &Alter<'_>,
        take: &mut TakeLogits<'_>,
    ) -> Result<(), AttributionError> {
        self.each_logits(count, alter, take)
    }
}

/// A formula at another input, with what a layer's methods need.
struct At<'a> {
    formula: &'a Formula,
    input: Array3<f32>,
}

impl Evaluator for At<'_> {
    fn activations(&self) -> Result<ArrayView3<'_, f32>, AttributionError> {
        Ok(self.input.view())
    }

    fn gradient(&self, cotangent: &[f32], _: &Rules) -> Result<Array3<f32>, AttributionError> {
        let gradient = (self.formula.gradient)(&self.input.mapv(f64::from));
        Ok(gradient.mapv(|g| g as f32 * cotangent[0]))
    }
}

/// Numbers from −1 to 1 that look random.
pub(crate) fn numbers(shape: (usize, usize, usize), prime: usize) -> Array3<f32> {
    let (_, height, width) = shape;
    Array3::from_shape_fn(shape, |(k, i, j)| {
        (((k * height + i) * width + j + 1) * prime % 101) as f32 / 50.0 - 1.0
    })
}

/// The largest difference between a map in units of the score and `expected`.
pub(crate) fn difference(map: &Map, expected: &ndarray::Array2<f64>) -> f64 {
    let scale = map.ln_scale.unwrap_or(0.0).exp();
    assert_eq!(map.values.dim(), expected.dim());
    let pairs = map.values.iter().zip(expected);
    pairs.map(|(&a, b)| (f64::from(a) * scale - b).abs()).fold(0.0, f64::max)
}
