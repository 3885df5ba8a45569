use ndarray::{Array3, ArrayView3};

use super::{
    Alter, AttributionError, Evaluator, FullGradient, InputGradient, Map, ReferencedGradient,
};
use crate::explain::{Score, Seed, Target};
use crate::gradient::Rules;
use crate::onnx::Tokens;
use crate::preprocess::Preprocessing;

/// One picture, one layer and one class: what a method sees of the network. Values are channels ×
/// height × width, whatever their order in memory.
#[derive(Clone)]
pub struct Session<'a> {
    evaluator: &'a dyn Evaluator,
    logits: &'a [f32],
    target: Target,
    seed: Seed,
}

impl<'a> Session<'a> {
    /// A session about `target`. `logits` are those of the picture.
    ///
    /// # Errors
    /// [`AttributionError::Seed`].
    pub fn new(
        evaluator: &'a dyn Evaluator,
        logits: &'a [f32],
        target: Target,
    ) -> Result<Self, AttributionError> {
        Ok(Self { evaluator, logits, target, seed: target.seed(logits)? })
    }

    /// The logits of the picture.
    #[must_use]
    pub fn logits(&self) -> &'a [f32] {
        self.logits
    }

    /// The class and the score that are explained.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// The start of the backward pass. Gradients are in its units: the score's, divided by the
    /// seed's `scale`.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The same session with another cotangent of the logits, for a method about a combination of
    /// classes. The seed's other fields stay.
    #[must_use]
    pub fn with_cotangent(&self, cotangent: Vec<f32>) -> Self {
        Self { seed: Seed { cotangent, ..self.seed.clone() }, ..self.clone() }
    }

    /// The same session about another score of the class.
    ///
    /// # Errors
    /// [`AttributionError::Seed`].
    pub fn with_score(&self, score: Score) -> Result<Self, AttributionError> {
        Self::new(self.evaluator, self.logits, Target { score, ..self.target })
    }

    /// The score of the picture.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn score(&self) -> Result<f64, AttributionError> {
        Ok(self.target.score(self.logits)?)
    }

    /// x: the tensor that the network gets, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn input(&self) -> Result<ArrayView3<'a, f32>, AttributionError> {
        self.evaluator.input()
    }

    /// How a picture becomes the input: which numbers stand for black and white.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn preprocessing(&self) -> Result<&'a Preprocessing, AttributionError> {
        self.evaluator.preprocessing()
    }

    /// ∂s/∂x: the gradient at the input by `rules`, channels × height × width. The row names
    /// [`Need::InputGradient`](super::Need::InputGradient) with these rules.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn input_gradient(&self, rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.evaluator.input_gradient(&self.seed.cotangent, rules)
    }

    /// ∂s/∂x and, for every bias b of the network, b ⊙ ∂s/∂b. The row names
    /// [`Need::FullGradient`](super::Need::FullGradient).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn full_gradient(&self) -> Result<FullGradient, AttributionError> {
        self.evaluator.full_gradient(&self.seed.cotangent)
    }

    /// As [`input_gradient`](Self::input_gradient), by rules that also read forward values at
    /// `references`: one input, channels × height × width, for each of [`Rules::references`].
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn input_gradient_with_references(
        &self,
        rules: &Rules,
        references: &[ArrayView3<'_, f32>],
    ) -> Result<ReferencedGradient, AttributionError> {
        self.evaluator.input_gradient_with_references(&self.seed.cotangent, rules, references)
    }

    /// Whether [`input_gradient`](Self::input_gradient) by `rules` is the input times its gradient,
    /// whatever the picture is. The row names [`Need::InputGradient`](super::Need::InputGradient)
    /// with these rules.
    #[must_use]
    pub fn is_input_x_gradient(&self, rules: &Rules) -> bool {
        self.evaluator.is_input_x_gradient(rules)
    }

    /// Passes the gradients by `rules` at `count` altered inputs to `take`, in the order of their
    /// indices. `alter` changes copies of the picture's input. Only a few gradients are in memory.
    /// The row names [`Need::InputGradients`](super::Need::InputGradients) with these rules.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn input_gradients(
        &self,
        rules: &Rules,
        count: usize,
        alter: &Alter<'_>,
        mut take: impl FnMut(usize, InputGradient<'_>),
    ) -> Result<(), AttributionError> {
        self.evaluator.input_gradients(rules, count, alter, &self.target, &mut take)
    }

    /// Calls `each` with the sessions about `count` altered inputs, in the order of their indices.
    /// `alter` changes copies of the picture's input. They have the same class and score.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub(super) fn at_inputs(
        &self,
        count: usize,
        alter: &Alter<'_>,
        each: &mut dyn FnMut(&Session) -> Result<(), AttributionError>,
    ) -> Result<(), AttributionError> {
        self.evaluator.at_inputs(count, alter, &mut |evaluator, logits| {
            each(&Session::new(evaluator, logits, self.target)?)
        })
    }

    /// The scores of `count` altered inputs. `alter` changes copies of the picture's input. The row
    /// names [`Need::Scores`](super::Need::Scores).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn scores(&self, count: usize, alter: &Alter<'_>) -> Result<Vec<f64>, AttributionError> {
        let mut scores = Vec::new();
        self.each_score(count, alter, |_, score| scores.push(score))?;
        Ok(scores)
    }

    /// As [`scores`](Self::scores), but passes each score to `take` as soon as it is there, in the
    /// order of the indices.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn each_score(
        &self,
        count: usize,
        alter: &Alter<'_>,
        mut take: impl FnMut(usize, f64),
    ) -> Result<(), AttributionError> {
        self.evaluator.each_logits(count, alter, &mut |index, logits| {
            take(index, self.target.score(logits)?);
            Ok(())
        })
    }

    /// Passes the scores of `count` altered values of the layer, by the part of the network behind
    /// it, to `take`, in the order of their indices. `alter` changes copies of A.
    /// The row names [`Need::ScoresFromLayer`](super::Need::ScoresFromLayer).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn each_score_from_layer(
        &self,
        count: usize,
        alter: &Alter<'_>,
        mut take: impl FnMut(usize, f64),
    ) -> Result<(), AttributionError> {
        self.evaluator.each_logits_from_layer(count, alter, &mut |index, logits| {
            take(index, self.target.score(logits)?);
            Ok(())
        })
    }

    /// The tokens between which all attentions are. The row names
    /// [`Need::Attention`](super::Need::Attention).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn tokens(&self) -> Result<Tokens, AttributionError> {
        self.evaluator.tokens()
    }

    /// The weights of every attention, heads × queries × keys, in the order of evaluation. The row
    /// names [`Need::Attention`](super::Need::Attention).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn attentions(&self) -> Result<Vec<ArrayView3<'a, f32>>, AttributionError> {
        self.evaluator.attentions()
    }

    /// The gradient of the score at every attention, heads × queries × keys. The row names
    /// [`Need::AttentionGradient`](super::Need::AttentionGradient).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn attention_gradients(&self) -> Result<Vec<Array3<f32>>, AttributionError> {
        self.evaluator.attention_gradients(&self.seed.cotangent)
    }

    /// The gradient at every attention of the score of its own block's tokens. The row names
    /// [`Need::BlockGradients`](super::Need::BlockGradients).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn block_gradients(&self) -> Result<Vec<Array3<f32>>, AttributionError> {
        self.evaluator.block_gradients(&self.seed.cotangent)
    }

    /// Offers the map as far as it is computed to whoever waits for it. `map` is called only if
    /// someone does, a few times a second at most.
    pub(super) fn preview(&self, map: impl Fn() -> Result<Map, AttributionError>) {
        self.evaluator.preview(&map);
    }

    /// A: the layer's value, channels × height × width.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn activations(&self) -> Result<ArrayView3<'a, f32>, AttributionError> {
        self.evaluator.activations()
    }

    /// Σᵢⱼ ∂s/∂A: the sum of the layer's gradient over all positions, for each channel. The
    /// method's row names [`Need::ChannelSums`](super::Need::ChannelSums).
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn channel_sums(&self) -> Result<Vec<f64>, AttributionError> {
        self.evaluator.channel_sums(&self.seed.cotangent)
    }

    /// ∂s/∂A: the layer's gradient by `rules`, channels × height × width. The method's row names
    /// [`Need::Gradient`](super::Need::Gradient) with these rules.
    ///
    /// # Errors
    /// [`AttributionError`].
    pub fn gradient(&self, rules: &Rules) -> Result<Array3<f32>, AttributionError> {
        self.evaluator.gradient(&self.seed.cotangent, rules)
    }
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("target", &self.target).finish_non_exhaustive()
    }
}
