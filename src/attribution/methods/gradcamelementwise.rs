//! GradCAMElementWise (Pillai and Pirsiavash 2021, <https://hdl.handle.net/11603/21053>).

use ndarray::Zip;

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "gradcamelementwise",
    title: "GradCAMElementWise",
    family: Family::Cam,
    summary: "Multiplies layer and gradient at each position and keeps the positive products.",
    paper: "https://hdl.handle.net/11603/21053",
    formula: "sum over k of max(∂s/∂A_k ⊙ A_k, 0)",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: gradcamelementwise,
};

/// HiResCAM with the negative part of each element removed before the sum over channels.
fn gradcamelementwise(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let mut gradient = session.gradient(Rules::GRADIENT)?;
    let activations = session.activations()?;
    if gradient.dim() == activations.dim() {
        Zip::from(&mut gradient).and(&activations).for_each(|g, &a| {
            // The sign, because the product of two small numbers can round to zero.
            if g.signum() != a.signum() {
                *g = 0.0;
            }
        });
    }
    Ok(WeightedSum::of(session, &Weights::Elements(gradient), options)?.in_seed_units(1.0))
}
