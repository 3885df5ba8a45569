use serde::Serialize;

use crate::attribution::{METHODS, Method, Range, Resolution};
use crate::config::Parameters;

/// One method of `GET /methods`.
#[derive(Debug, Serialize)]
pub struct MethodDescription {
    /// What callers type.
    pub name: &'static str,
    /// Its usual name.
    pub title: &'static str,
    /// The address of the paper that defines it.
    pub paper: &'static str,
    /// The map's formula.
    pub formula: &'static str,
    /// Where the map's values lie: at the layer's positions, or at the input's pixels.
    pub resolution: Resolution,
    /// Which values are shown unless the request says so.
    pub range: Range,
    /// Values beyond this percentile are clipped in a picture unless the request says so.
    pub percentile: f64,
    /// Whether the map depends on the class.
    pub class_sensitive: bool,
    /// The method's own parameters.
    pub parameters: Vec<ParameterDescription>,
    /// Passes through the network for one class, besides one forward pass, with the default
    /// parameters at a layer of one channel and one position.
    pub passes: u64,
}

/// One parameter of a method.
#[derive(Debug, Serialize)]
pub struct ParameterDescription {
    /// Its name.
    pub name: &'static str,
    /// What a value looks like.
    pub values: &'static str,
    /// What it does, and its default.
    pub help: &'static str,
}

/// Every method.
#[must_use]
pub fn method_list() -> Vec<MethodDescription> {
    METHODS.iter().map(describe).collect()
}

fn describe(method: &Method) -> MethodDescription {
    let parameters = method.parameters.iter().map(|parameter| ParameterDescription {
        name: parameter.name,
        values: parameter.value,
        help: parameter.help,
    });
    MethodDescription {
        name: method.name,
        title: method.title,
        paper: method.paper,
        formula: method.formula,
        resolution: method.resolution,
        range: method.range,
        percentile: method.resolution.percentile(),
        class_sensitive: method.class_sensitive,
        parameters: parameters.collect(),
        passes: (method.passes)(&Parameters::default(), [1, 1, 1]),
    }
}

/// Every method as a table of text.
#[must_use]
pub fn method_table() -> String {
    let width = |of: fn(&Method) -> &str| {
        METHODS.iter().map(|method| of(method).chars().count()).max().unwrap_or(0)
    };
    let (name, title) = (width(|method| method.name), width(|method| method.title));
    let lines = METHODS.iter().map(|method| {
        format!("{:<name$}  {:<title$}  {}\n", method.name, method.title, method.paper)
    });
    lines.collect()
}
