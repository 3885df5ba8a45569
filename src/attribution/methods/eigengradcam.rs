//! EigenGradCAM, as in pytorch-grad-cam: Eigen-CAM of the activations times their gradient.

use crate::attribution::cam::{CENTER, COMPONENT_PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "eigengradcam",
    title: "EigenGradCAM",
    family: Family::Cam,
    summary: "Shows the first principal component of the layer times its gradient.",
    paper: "https://github.com/jacobgil/pytorch-grad-cam",
    formula: "sum over k of v_k·(∂s/∂A_k ⊙ A_k), v the first singular vector of ∂s/∂A ⊙ A",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: COMPONENT_PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: eigengradcam,
};

/// The first principal component of ∂s/∂A ⊙ A, with the sign that agrees with HiResCAM.
fn eigengradcam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let weights = Weights::Elements(session.gradient(Rules::GRADIENT)?);
    let component = WeightedSum::principal_component(session, &weights, options.is_on(&CENTER))?;
    Ok(component.in_seed_units(1.0))
}
