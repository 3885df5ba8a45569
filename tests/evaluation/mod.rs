//! The figures that tell whether a map can be trusted: in closed form, against other programs, and
//! on trained networks.

mod closed_form;
mod reference;
mod trained;

use std::path::Path;

use convscope::service::{Context, Evaluate, OutputFormat};
use serde_json::Value;

use crate::convnet::ask_about;

/// The JSON answer for a picture.
pub(crate) fn evaluation(context: &Context, picture: &Path, asked: &[(&str, &str)]) -> Value {
    let answer = ask_about::<Evaluate>(context, picture, OutputFormat::Json, asked);
    serde_json::from_slice(&answer.body).unwrap()
}

/// The entry of a figure in the list of one map.
pub(crate) fn figure<'j>(map: &'j Value, name: &str) -> &'j Value {
    let figures = map["figures"].as_array().unwrap();
    figures.iter().find(|it| it["figure"] == name).unwrap_or_else(|| panic!("no {name}: {map}"))
}

pub(crate) fn value(map: &Value, name: &str) -> f64 {
    figure(map, name)["value"].as_f64().unwrap_or_else(|| panic!("{name} of {map}"))
}
