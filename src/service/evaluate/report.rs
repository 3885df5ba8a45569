//! What the report shows of an evaluation, as texts.

use std::sync::Arc;

use serde::Serialize;

use super::check::ChosenFigure;
use super::evaluated::{ClassEvaluation, EvaluatedMap, Evaluation, Measured, map_title};
use super::parameters;
use super::request::Evaluate;
use crate::attribution::Method;
use crate::evaluation::{Better, Control};
use crate::onnx::Layer;
use crate::render::Drawing;
use crate::service::explain::Explanation;
use crate::service::{Classifier, ServiceError};

/// The figures of one map or control.
#[derive(Debug, Clone, Serialize)]
pub(in crate::service) struct ReportMap {
    pub(in crate::service) title: String,
    pub(in crate::service) is_control: bool,
    pub(in crate::service) cells: Vec<Cell>,
}

/// A figure as text.
#[derive(Debug, Clone, Serialize)]
pub(in crate::service) struct Cell {
    pub(in crate::service) value: Option<f64>,
    text: String,
    /// `good` if the map beats every control, `bad` if not even the random map.
    verdict: &'static str,
}

/// A row of a table.
#[derive(Debug, Clone, Serialize)]
pub(in crate::service) struct ReportRow {
    title: String,
    values: Vec<String>,
}

/// A figure or a method in a list.
#[derive(Debug, Serialize)]
pub(in crate::service) struct Definition {
    title: &'static str,
    summary: &'static str,
    formula: &'static str,
    paper: &'static str,
    better: &'static str,
}

/// One parameter with its value.
#[derive(Debug, Clone, Serialize)]
pub(in crate::service) struct ParameterRow {
    pub(in crate::service) name: &'static str,
    pub(in crate::service) value: String,
}

impl Cell {
    pub(in crate::service) fn of(value: Option<f64>, verdict: &'static str) -> Self {
        let text = value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        Self { value, text, verdict }
    }
}

impl Evaluate {
    pub(in crate::service) fn classifier(&self) -> &Arc<Classifier> {
        &self.explain.classifier
    }

    pub(in crate::service) fn layer_names(&self) -> Vec<&str> {
        self.explain.layers.iter().map(Layer::name).collect()
    }

    pub(in crate::service) fn figure_rows(&self) -> Vec<Definition> {
        let row = |chosen: &ChosenFigure| Definition {
            title: chosen.figure.title,
            summary: chosen.figure.summary,
            formula: chosen.figure.formula,
            paper: chosen.figure.paper,
            better: match chosen.figure.better {
                Better::Higher => "higher is better",
                Better::Lower => "lower is better",
                Better::Neither => "describes the map",
            },
        };
        self.figures.iter().map(row).collect()
    }

    pub(in crate::service) fn method_rows(&self) -> Vec<Definition> {
        let row = |method: &'static Method| {
            let Method { title, summary, formula, paper, .. } = *method;
            Definition { title, summary, formula, paper, better: "" }
        };
        self.explain.methods.iter().map(|chosen| row(chosen.method)).collect()
    }

    /// Every parameter with the value that was given, or what its help says of the default.
    pub(in crate::service) fn parameter_rows(&self) -> Vec<ParameterRow> {
        let methods: Vec<_> = self.explain.methods.iter().map(|it| it.method).collect();
        let figures: Vec<_> = self.figures.iter().map(|it| it.figure).collect();
        let table = parameters::table(&methods, &figures).into_iter();
        let rows = table.filter(|row| row.name != "model").map(|row| {
            let given: Vec<&str> = self.given.all(row.name).collect();
            let default = row
                .help
                .split_once("(default: ")
                .map_or("none", |(_, rest)| rest.trim_end_matches(')'));
            let value =
                if given.is_empty() { format!("{default} (default)") } else { given.join(", ") };
            ParameterRow { name: row.name, value }
        });
        rows.collect()
    }

    pub(in crate::service) fn label(&self, class: &ClassEvaluation) -> String {
        class.score.label()
    }

    pub(in crate::service) fn score_text(&self, class: &ClassEvaluation) -> String {
        class.score.score()
    }

    /// The figures of the maps, then those of the controls.
    pub(in crate::service) fn report_maps(&self, class: &ClassEvaluation) -> Vec<ReportMap> {
        let several_layers = self.explain.layers.len() > 1;
        let maps = class.maps.iter().map(|map| {
            let cell = |(index, (_, measure)): (usize, &Measured)| {
                let verdict = match class.better_than(map, index) {
                    Some(beaten) if beaten.len() == Control::ALL.len() => "good",
                    Some(beaten) if !beaten.contains(&Control::Random.name()) => "bad",
                    _ => "",
                };
                Cell::of(measure.value, verdict)
            };
            ReportMap {
                title: map_title(&map.map, several_layers),
                is_control: false,
                cells: map.measures.iter().enumerate().map(cell).collect(),
            }
        });
        let controls = class.controls.iter().map(|control| ReportMap {
            title: control.title(),
            is_control: true,
            cells: control.measures.iter().map(|(_, it)| Cell::of(it.value, "")).collect(),
        });
        maps.chain(controls).collect()
    }

    /// The rank correlations of the maps.
    pub(in crate::service) fn agreement_rows(&self, class: &ClassEvaluation) -> Vec<ReportRow> {
        let several_layers = self.explain.layers.len() > 1;
        let text = |value: &Option<f64>| Cell::of(*value, "").text;
        let rows = class.maps.iter().zip(class.agreement());
        let row = |(map, values): (&EvaluatedMap, Vec<Option<f64>>)| ReportRow {
            title: map_title(&map.map, several_layers),
            values: values.iter().map(text).collect(),
        };
        rows.map(row).collect()
    }

    /// The heat maps of all methods and classes as one picture.
    pub(in crate::service) fn draw_maps(
        &self,
        output: &Evaluation,
    ) -> Result<Drawing, ServiceError> {
        let maps = output.classes.iter().flat_map(|class| &class.maps);
        let maps = maps.map(|one| one.map.clone()).collect();
        let (forward, passes) = (Arc::clone(&output.forward), output.passes);
        self.explain.draw(&Explanation { forward, maps, passes }, self.max_pixels)
    }

    /// The command that makes the report of these pictures.
    #[must_use]
    pub fn command(&self, pictures: &[String]) -> String {
        let mut words = vec!["convscope report".to_owned(), quoted(self.classifier().name())];
        words.extend(pictures.iter().map(|picture| quoted(picture)));
        for row in parameters::all().iter().filter(|row| row.name != "model") {
            for value in self.given.all(row.name) {
                words.push(format!("--{} {}", row.name.replace('_', "-"), quoted(value)));
            }
        }
        words.push("-o report.html".to_owned());
        words.join(" ")
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_./,+=:@%".contains(symbol);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(quoted("a/b-1.png"), "a/b-1.png");
        assert_eq!(quoted("it's $1"), r"'it'\''s $1'");
        assert_eq!(quoted(""), "''");
    }
}
