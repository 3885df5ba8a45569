use serde::Serialize;

use crate::attribution::{
    Extents, Integer, METHODS, Method, MethodParameter, Number, Options, Range, Resolution,
};

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
    /// Whether it explains by a layer, which `layer` names.
    pub reads_layer: bool,
    /// The method's own parameters.
    pub parameters: Vec<ParameterDescription>,
    /// Passes through the network for one class, besides one forward pass, with the default
    /// parameters, for a layer of 512 × 14 × 14 elements and an input of 3 × 224 × 224.
    pub passes: u64,
}

/// The layer and the input for which passes are given.
const EXAMPLE: Extents = Extents { layer: [512, 14, 14], input: [3, 224, 224] };

/// One parameter of a method.
#[derive(Debug, Serialize)]
pub struct ParameterDescription {
    /// Its name.
    pub name: &'static str,
    /// What a value looks like.
    pub values: String,
    /// What it does.
    pub help: &'static str,
    /// Which values it takes.
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// Which values a parameter takes, and its default.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ParameterKind {
    /// A whole number.
    Integer {
        /// The smallest value.
        minimum: usize,
        /// The largest value.
        maximum: usize,
        /// The default. Without one, it depends on the model.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<usize>,
    },
    /// A number.
    Number {
        /// The smallest value.
        minimum: f64,
        /// The largest value.
        maximum: f64,
        /// The default.
        default: f64,
    },
    /// One of several words.
    Word {
        /// The words.
        words: &'static [&'static str],
        /// The default.
        default: &'static str,
    },
    /// A class of the model. Without it there is none.
    Class,
}

impl From<&MethodParameter> for ParameterDescription {
    fn from(row: &MethodParameter) -> Self {
        let kind = match *row {
            MethodParameter::Integer(Integer { range: [minimum, maximum], default, .. }) => {
                ParameterKind::Integer { minimum, maximum, default }
            }
            MethodParameter::Number(Number { range: [minimum, maximum], default, .. }) => {
                ParameterKind::Number { minimum, maximum, default }
            }
            MethodParameter::Word(row) => {
                ParameterKind::Word { words: row.words, default: row.default }
            }
            MethodParameter::Class(_) => ParameterKind::Class,
        };
        Self { name: row.name(), values: row.values(), help: row.help(), kind }
    }
}

/// Every method.
#[must_use]
pub fn method_list() -> Vec<MethodDescription> {
    METHODS.iter().map(describe).collect()
}

fn describe(method: &Method) -> MethodDescription {
    MethodDescription {
        name: method.name,
        title: method.title,
        paper: method.paper,
        formula: method.formula,
        resolution: method.resolution,
        range: method.range,
        percentile: method.resolution.percentile(),
        class_sensitive: method.class_sensitive,
        reads_layer: method.reads_layer(),
        parameters: method.parameters.iter().map(Into::into).collect(),
        passes: (method.passes)(&Options::default(), &EXAMPLE),
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
