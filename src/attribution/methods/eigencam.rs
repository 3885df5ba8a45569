//! Eigen-CAM (Muhammad and Yeasin 2020, <https://arxiv.org/abs/2008.00299>).

use crate::attribution::cam::{CENTER, COMPONENT_PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};

pub(super) const METHOD: Method = Method {
    name: "eigencam",
    title: "Eigen-CAM",
    family: Family::Cam,
    summary: "Shows the first principal component of the layer, whatever the class.",
    paper: "https://arxiv.org/abs/2008.00299",
    formula: "sum over k of v_k·A_k, v the first singular vector of A as channels × positions",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: false,
    parameters: COMPONENT_PARAMETERS,
    needs: &[Need::Activations],
    passes: |_, _| 0,
    same_as: |_| None,
    run: eigencam,
};

/// The layer's first principal component. It has no class. The paper leaves its sign open; here it
/// agrees with the mean over channels.
fn eigencam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let ones = Weights::Channels(vec![1.0; session.activations()?.dim().0]);
    let component = WeightedSum::principal_component(session, &ones, options.is_on(&CENTER))?;
    Ok(component.in_layer_units())
}
