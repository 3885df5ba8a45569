//! AttnLRP (Achtibat et al. 2024, <https://arxiv.org/abs/2402.05602>).

use ndarray::Zip;

use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Completeness, Family, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session,
};
use crate::gradient::rules::ATTNLRP;

pub(super) const METHOD: Method = Method {
    name: "attnlrp",
    title: "AttnLRP",
    family: Family::Rules,
    summary: "Shares the logit among the pixels of a transformer, layer by layer.",
    paper: "https://arxiv.org/abs/2402.05602",
    formula: "sum over k of x_k ⊙ x̄_k, where x̄ is carried back as the gradient, but \
              normalizations have a constant denominator, activations the slope y/x, and each \
              factor of a product half of its gradient",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(SUM)],
    needs: &[Need::InputGradient(ATTNLRP)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: attnlrp,
};

/// x ⊙ x̄. Layers with weights have the rule with ε = 0; the paper's γ rule is not here. What the
/// biases take is the residue of the map's sum.
fn attnlrp(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let carried = session.input_gradient(ATTNLRP)?;
    let products =
        Zip::from(session.input()?).and(&carried).map_collect(|&x, &g| f64::from(x) * f64::from(g));
    let seed = session.seed();
    let pairs = session.logits().iter().zip(&seed.cotangent);
    let start: f64 = pairs.map(|(&z, &c)| f64::from(z) * f64::from(c)).sum();
    let completeness = Completeness::of(products.sum() * seed.scale, start * seed.scale);
    let map = pixel_map(&products, options.word(&SUM));
    Ok(Map { completeness: Some(completeness), ..map })
}
