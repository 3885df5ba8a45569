//! Layer-wise relevance propagation (Bach et al. 2015,
//! <https://doi.org/10.1371/journal.pone.0130140>).

use ndarray::Array3;

use crate::attribution::method::chosen;
use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Completeness, Family, Map, Method, MethodParameter, Need, Options, Range,
    Resolution, Session, Word,
};
use crate::gradient::rules::{
    LRP_EPSILON, LRP_EPSILON_ALPHA2_BETA1, LRP_EPSILON_GAMMA_BOX, LRP_EPSILON_PLUS,
    LRP_EPSILON_PLUS_FLAT,
};
use crate::gradient::{Reference, Rules};

const COMPOSITE: Word = Word {
    name: "composite",
    words: &[
        "epsilon",
        "epsilon_plus",
        "epsilon_plus_flat",
        "epsilon_gamma_box",
        "epsilon_alpha2_beta1",
    ],
    default: "epsilon_plus",
    help: "which rule each layer has: dense layers the epsilon rule; convolutions the epsilon, \
           plus, gamma, or alpha-beta rule; the first convolution the flat or the box rule where \
           the name ends with it",
};

/// The rules of the words of [`COMPOSITE`].
const RULES: &[&Rules] = &[
    LRP_EPSILON,
    LRP_EPSILON_PLUS,
    LRP_EPSILON_PLUS_FLAT,
    LRP_EPSILON_GAMMA_BOX,
    LRP_EPSILON_ALPHA2_BETA1,
];

pub(super) const METHOD: Method = Method {
    name: "lrp",
    title: "LRP",
    family: Family::Rules,
    summary: "Shares the logit among the pixels, layer by layer.",
    paper: "https://doi.org/10.1371/journal.pone.0130140",
    formula: "sum over k of R(x_k), where every layer shares the relevance of its output among \
              its inputs in proportion to their contributions, from R(z) = z ⊙ ∂s/∂z on",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(COMPOSITE), MethodParameter::Word(SUM)],
    needs: &[Need::InputGradientByChoice(&COMPOSITE, RULES)],
    // One backward pass, and a forward pass of each reference.
    passes: |options, _| 1 + references(options).len() as u64,
    same_as: |_| None,
    run: lrp,
};

fn references(options: &Options) -> &'static [Reference] {
    chosen(&COMPOSITE, RULES, options).map_or(&[], |rules| rules.references)
}

/// The relevance of the input. The relevance of the logits z is z ⊙ ∂s/∂z: for a logit its own
/// value, as in Zennit's and Captum's definitions up to this factor. What the biases and the
/// stabilizer of the denominators take is the residue of the map's sum.
fn lrp(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let rules = chosen(&COMPOSITE, RULES, options).unwrap_or(LRP_EPSILON_PLUS);
    let pairs = session.logits().iter().zip(&session.seed().cotangent);
    let relevance: Vec<f32> = pairs.map(|(&z, &c)| z * c).collect();
    let start: f64 = relevance.iter().map(|&r| f64::from(r)).sum();
    let session = session.with_cotangent(relevance);
    let is_gradient = session.is_input_x_gradient(rules);
    let found = if rules.references.is_empty() {
        session.input_gradient(rules)?
    } else {
        let [low, high] = extremes(&session)?;
        session.input_gradient_with_references(rules, &[low.view(), high.view()])?.values
    };
    let channels = found.mapv(f64::from);
    let scale = session.seed().scale;
    Ok(Map {
        same_as: is_gradient.then_some("input_x_gradient"),
        completeness: Some(Completeness::of(channels.sum() * scale, start * scale)),
        ..pixel_map(&channels, options.word(&SUM))
    })
}

/// The inputs with the least and with the greatest value that each channel can have.
fn extremes(session: &Session) -> Result<[Array3<f32>; 2], AttributionError> {
    let (shape, preprocessing) = (session.input()?.dim(), session.preprocessing()?);
    let ends = |channel| [0.0, 255.0].map(|level| preprocessing.normalized(channel, level));
    Ok([f32::min, f32::max].map(|of: fn(f32, f32) -> f32| {
        Array3::from_shape_fn(shape, |(channel, ..)| {
            let [black, white] = ends(channel);
            of(black, white)
        })
    }))
}
