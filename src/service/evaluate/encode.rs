use serde::Serialize;

use super::evaluated::{ClassEvaluation, EvaluatedMap, Evaluation};
use super::request::Evaluate;
use crate::evaluation::{Better, Control, Figure, Measure, PixelBox};
use crate::explain::Score;
use crate::service::base64_png::Base64Png;
use crate::service::{ClassScore, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct EvaluationJson<'a> {
    model: &'a str,
    /// Height and width of the picture, upright.
    picture: [u32; 2],
    score: Score,
    /// The start of the random numbers.
    seed: u64,
    /// Passes through the network that the answer took.
    passes: u64,
    /// Top, left, height and width of the box, in pixels of the network's input.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    bounds: Option<[usize; 4]>,
    figures: Vec<FigureJson>,
    classes: Vec<ClassJson<'a>>,
    /// The curves as a picture, where a figure has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    png: Option<Base64Png>,
}

/// What a figure is.
#[derive(Debug, Serialize)]
struct FigureJson {
    name: &'static str,
    title: &'static str,
    summary: &'static str,
    formula: &'static str,
    paper: &'static str,
    better: Better,
    #[serde(skip_serializing_if = "Option::is_none")]
    axes: Option<[&'static str; 2]>,
}

/// The figures of one class's maps.
#[derive(Debug, Serialize)]
struct ClassJson<'a> {
    #[serde(flatten)]
    class: &'a ClassScore,
    maps: Vec<MapJson<'a>>,
    controls: Vec<ControlJson<'a>>,
    /// The rank correlation of each pair of maps.
    agreement: Vec<Vec<Option<f64>>>,
}

#[derive(Debug, Serialize)]
struct MapJson<'a> {
    method: &'static str,
    /// The layers that are explained, where the method reads one. Several are fused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<&'a str>,
    figures: Vec<MeasureJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ControlJson<'a> {
    control: Control,
    /// Height and width of the map.
    size: [usize; 2],
    figures: Vec<MeasureJson<'a>>,
}

#[derive(Debug, Serialize)]
struct MeasureJson<'a> {
    figure: &'static str,
    #[serde(flatten)]
    measure: &'a Measure,
    /// The controls than which the map is better. None where the figure has no better.
    #[serde(skip_serializing_if = "Option::is_none")]
    better_than: Option<Vec<&'static str>>,
}

impl Evaluate {
    pub(super) fn evaluation_json<'o>(
        &'o self,
        output: &'o Evaluation,
    ) -> Result<EvaluationJson<'o>, ServiceError> {
        let has_curves = self.figures.iter().any(|chosen| chosen.figure.axes.is_some());
        let png = has_curves.then(|| self.draw(output)).transpose()?;
        let picture = &output.forward.picture;
        Ok(EvaluationJson {
            model: self.explain.classifier.name(),
            picture: [picture.height(), picture.width()],
            score: self.explain.score,
            seed: self.seed,
            passes: output.passes,
            bounds: output
                .bounds
                .map(|PixelBox { top, left, height, width }| [top, left, height, width]),
            figures: self.figures.iter().map(|chosen| figure_json(chosen.figure)).collect(),
            classes: output.classes.iter().map(class_json).collect(),
            png: png.map(|drawing| Base64Png(drawing.png)),
        })
    }
}

fn figure_json(figure: &Figure) -> FigureJson {
    let Figure { name, title, summary, formula, paper, better, axes, .. } = *figure;
    FigureJson { name, title, summary, formula, paper, better, axes }
}

fn class_json(class: &ClassEvaluation) -> ClassJson<'_> {
    let controls = class.controls.iter().map(|control| ControlJson {
        control: control.control,
        size: control.size.into(),
        figures: measures(&control.measures, |_| None),
    });
    ClassJson {
        class: &class.score,
        maps: class.maps.iter().map(|map| map_json(class, map)).collect(),
        controls: controls.collect(),
        agreement: class.agreement(),
    }
}

fn map_json<'o>(class: &'o ClassEvaluation, map: &'o EvaluatedMap) -> MapJson<'o> {
    MapJson {
        method: map.map.method.name,
        layers: map.map.layers.iter().map(|layer| layer.name()).collect(),
        figures: measures(&map.measures, |index| class.better_than(map, index)),
    }
}

fn measures<'o>(
    measures: &'o [(&'static Figure, Measure)],
    better_than: impl Fn(usize) -> Option<Vec<&'static str>>,
) -> Vec<MeasureJson<'o>> {
    let json = |(index, (figure, measure)): (usize, &'o (&'static Figure, Measure))| MeasureJson {
        figure: figure.name,
        measure,
        better_than: better_than(index),
    };
    measures.iter().enumerate().map(json).collect()
}
