//! Transformer attribution by attention and its gradient (Chefer et al. 2021,
//! <https://arxiv.org/abs/2103.15679>).

use ndarray::{Array3, ArrayView3, Zip};

use crate::attribution::token_map::{read_through, readers, token_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::explain::Score;

pub(super) const METHOD: Method = Method {
    name: "chefer",
    title: "Chefer",
    family: Family::Attention,
    summary: "Multiplies the attentions of all blocks, weighted by their gradient.",
    paper: "https://arxiv.org/abs/2103.15679",
    formula: "row of the class token of Π_l (I + mean over heads of max(∂z/∂A_l ⊙ A_l, 0)) for the \
              logit z; without a class token the mean of all rows",
    resolution: Resolution::Tokens,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[],
    needs: &[Need::Attention, Need::AttentionGradient],
    passes: |_, _| 1,
    same_as: |_| None,
    run: chefer,
};

/// R = I, then R ← R + E[max(∇A ⊙ A, 0)]·R for each block (equations 5 and 6 of the paper, for one
/// modality). Its row of the class token is r ← r + rᵀE from the last block to the first. The
/// product is not linear in the gradient, so the gradient is that of the logit, as in the paper.
fn chefer(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let session = session.with_score(Score::Logit)?;
    let (tokens, attentions) = (session.tokens()?, session.attentions()?);
    let gradients = session.attention_gradients()?;
    let mut reads = readers(tokens);
    for (attention, gradient) in attentions.iter().zip(&gradients).rev() {
        let relevance = positive_product(*attention, gradient);
        reads = read_through(&reads, &relevance.view()) + &reads;
    }
    Ok(Map { score: Some(Score::Logit), ..token_map(&reads, tokens)? })
}

/// max(∇A ⊙ A, 0).
fn positive_product(attention: ArrayView3<'_, f32>, gradient: &Array3<f32>) -> Array3<f32> {
    Zip::from(attention).and(gradient).map_collect(|&a, &g| (a * g).max(0.0))
}
