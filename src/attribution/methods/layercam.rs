//! LayerCAM (Jiang et al. 2021, <https://doi.org/10.1109/TIP.2021.3089943>).

use crate::attribution::cam::{PARAMETERS, WeightedSum, Weights};
use crate::attribution::{
    AttributionError, Family, Map, Method, Need, Options, Range, Resolution, Session,
};
use crate::gradient::Rules;

pub(super) const METHOD: Method = Method {
    name: "layercam",
    title: "LayerCAM",
    family: Family::Cam,
    summary: "Weights each position by its positive gradient; suits early layers.",
    paper: "https://doi.org/10.1109/TIP.2021.3089943",
    formula: "sum over k of max(∂s/∂A_k, 0) ⊙ A_k",
    resolution: Resolution::Layer,
    range: Range::Positive,
    class_sensitive: true,
    parameters: PARAMETERS,
    needs: &[Need::Gradient(Rules::GRADIENT)],
    passes: |_, _| 1,
    same_as: |_| None,
    run: layercam,
};

/// Each element is weighted by the positive part of its own gradient. Maps of early layers are
/// therefore sharp.
fn layercam(session: &Session, options: &Options) -> Result<Map, AttributionError> {
    let weights = session.gradient(Rules::GRADIENT)?.mapv_into(|g| g.max(0.0));
    Ok(WeightedSum::of(session, &Weights::Elements(weights), options)?.in_seed_units(1.0))
}
