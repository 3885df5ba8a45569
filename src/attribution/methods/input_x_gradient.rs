//! Input times gradient (Shrikumar et al. 2016, <https://arxiv.org/abs/1605.01713>).

use ndarray::Zip;

use crate::attribution::pixels::{SUM, pixel_map};
use crate::attribution::{
    AttributionError, Family, Map, Method, MethodParameter, Need, Options, Range, Resolution,
    Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "input_x_gradient",
    title: "Input × Gradient",
    family: Family::Gradient,
    summary: "Multiplies each pixel by its gradient.",
    paper: "https://arxiv.org/abs/1605.01713",
    formula: "sum over k of x_k ⊙ ∂s/∂x_k",
    resolution: Resolution::Input,
    range: Range::Signed,
    class_sensitive: true,
    parameters: &[MethodParameter::Word(SUM)],
    needs: &[Need::InputGradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: input_x_gradient,
};

/// x ⊙ ∂s/∂x, where x is the tensor that the network gets. A value of zero gets nothing, whatever
/// colour it stands for.
fn input_x_gradient(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let gradient = session.input_gradient(Rules::GRADIENT)?;
    let products = Zip::from(session.input()?)
        .and(&gradient)
        .map_collect(|&x, &g| f64::from(x) * f64::from(g));
    Ok(pixel_map(&products, options.word(&SUM)))
}
