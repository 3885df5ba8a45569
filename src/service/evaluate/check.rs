//! What can be checked before the picture is decoded.

use super::parameters::ALL;
use crate::attribution::Options;
use crate::config::{ParameterError, Parameters, did_you_mean, excerpt, nearest};
use crate::evaluation::{FIGURES, Figure};
use crate::service::ServiceError;

/// A figure, and the values of its own parameters.
#[derive(Debug, Clone)]
pub(super) struct ChosenFigure {
    pub(super) figure: &'static Figure,
    pub(super) options: Options,
}

impl ChosenFigure {
    pub(super) fn read(figure: &'static Figure, given: &Parameters) -> Result<Self, ServiceError> {
        let no_class = |_: &str| Err(ServiceError::internal("no figure takes a class"));
        let options = Options::read(given, figure.parameters, no_class)?;
        Ok(Self { figure, options })
    }
}

/// The figures that are named, in the order of the table, else the default ones. Those that need a
/// box are among `all` and among the default ones if there is a box.
pub(super) fn figures(given: &Parameters) -> Result<Vec<&'static Figure>, ServiceError> {
    let names = given.distinct("figure");
    for name in &names {
        check_name(name)?;
    }
    let has_box = given.text("box").is_some();
    let is_wanted = |figure: &&Figure| {
        let is_named = names.iter().any(|name| is_same(name, figure.name));
        let is_all = names.iter().any(|name| is_same(name, ALL));
        match figure.needs_box {
            true => is_named || has_box && (is_all || names.is_empty()),
            false => is_named || is_all || figure.is_default && names.is_empty(),
        }
    };
    Ok(FIGURES.iter().filter(is_wanted).collect())
}

/// Names are compared without case, `-` and `_`, as those of methods are.
fn is_same(given: &str, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    plain(given) == plain(name)
}

fn check_name(name: &str) -> Result<(), ParameterError> {
    let known = || FIGURES.iter().map(|figure| figure.name).chain([ALL]);
    if known().any(|known| is_same(name, known)) {
        return Ok(());
    }
    let near = nearest(name, known());
    let all = known().collect::<Vec<_>>().join(", ");
    Err(ParameterError::Invalid {
        name: "figure",
        value: excerpt(name),
        expected: format!("there is no such figure{}; there are: {all}", did_you_mean(&near)),
    })
}

/// Left, top, width and height of the box, in pixels of the picture.
pub(super) fn bounds(given: &Parameters) -> Result<Option<[f64; 4]>, ParameterError> {
    let Some(text) = given.text("box") else { return Ok(None) };
    let numbers: Option<Vec<f64>> =
        text.split(',').map(|number| number.trim().parse::<u32>().ok().map(f64::from)).collect();
    match numbers.as_deref() {
        Some(&[left, top, width, height]) if width > 0.0 && height > 0.0 => {
            Ok(Some([left, top, width, height]))
        }
        _ => Err(ParameterError::Invalid {
            name: "box",
            value: excerpt(text),
            expected: "four whole numbers: left, top, width and height in pixels of the picture, \
                       width and height at least 1"
                .to_owned(),
        }),
    }
}
