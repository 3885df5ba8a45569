//! LeGrad (Bousselham et al. 2024, <https://arxiv.org/abs/2404.03214>).

use ndarray::{Array1, Axis};

use crate::attribution::token_map::token_map;
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::explain::Score;

pub(super) const METHOD: Method = Method {
    name: "legrad",
    title: "LeGrad",
    family: Family::Attention,
    summary: "Sums over all blocks how much more attention to each patch would support the class.",
    paper: "https://arxiv.org/abs/2404.03214",
    formula: "mean over blocks l, heads and queries of max(∂z_l/∂A_l, 0), where z_l is the logit \
              of the network's head for the mean token of block l",
    resolution: Resolution::Tokens,
    range: Range::Positive,
    class_sensitive: true,
    parameters: &[],
    needs: &[Need::Attention, Need::BlockGradients],
    // A part of the network for each block, together about one pass.
    passes: |_, _| 1,
    same_as: |_| None,
    run: legrad,
};

/// The mean over blocks, heads and queries of max(∂z_l/∂A_l, 0). The authors' program scales the
/// result to 0..1.
fn legrad(session: &Session, _: &Options) -> Result<Map, AttributionError> {
    let session = session.with_score(Score::Logit)?;
    let (tokens, gradients) = (session.tokens()?, session.block_gradients()?);
    let mut sums = Array1::<f64>::zeros(tokens.count());
    let mut rows = 0usize;
    for gradient in &gradients {
        for row in gradient.lanes(Axis(2)) {
            sums.zip_mut_with(&row, |sum, &g| *sum += f64::from(g.max(0.0)));
            rows += 1;
        }
    }
    let map = token_map(&(sums / rows.max(1) as f64), tokens)?;
    Ok(Map { score: Some(Score::Logit), ..map })
}
