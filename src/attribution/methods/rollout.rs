//! Attention rollout (Abnar and Zuidema 2020, <https://arxiv.org/abs/2005.00928>).

use crate::attribution::token_map::{read_through, readers, token_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "rollout",
    title: "Attention Rollout",
    family: Family::Attention,
    summary: "Multiplies the attentions of all blocks: which patches flow into the class token.",
    paper: "https://arxiv.org/abs/2005.00928",
    formula: "row of the class token of Π_l ½(mean over heads of A_l + I); without a class token \
              the mean of all rows",
    resolution: Resolution::Tokens,
    range: Range::Positive,
    class_sensitive: false,
    parameters: &[],
    needs: &[Need::Attention],
    passes: |_, _| 0,
    same_as: |_| None,
    run: rollout,
};

/// r ← ½(rᵀA + r) from the last block to the first, where r is 1 at the class token. This is its
/// row of the product of matrices. vit-explain additionally discards the smallest weights.
fn rollout(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let (tokens, attentions) = (session.tokens()?, session.attentions()?);
    let mut reads = readers(tokens);
    for attention in attentions.iter().rev() {
        reads = (read_through(&reads, attention) + &reads) * 0.5;
    }
    token_map(&reads, tokens)
}
