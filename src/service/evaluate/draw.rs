use super::evaluated::map_title;
use super::evaluated::{ClassEvaluation, Evaluation};
use super::request::Evaluate;
use crate::evaluation::{Control, Curve};
use crate::render::{Chart, Drawing, Line, charts};
use crate::service::ServiceError;

impl Evaluate {
    /// The curves of all figures as one picture.
    pub(super) fn draw(&self, output: &Evaluation) -> Result<Drawing, ServiceError> {
        Ok(charts(&self.charts(output), self.max_pixels)?)
    }

    /// A chart for each class and each figure with a curve.
    pub(in crate::service) fn charts(&self, output: &Evaluation) -> Vec<Chart> {
        let mut charts = Vec::new();
        for class in &output.classes {
            for (index, chosen) in self.figures.iter().enumerate() {
                let Some(axes) = chosen.figure.axes else { continue };
                let (label, score) = (class.score.label(), class.score.score());
                charts.push(Chart {
                    title: format!("{}: {label}, {score}", chosen.figure.title),
                    axes: axes.map(str::to_owned),
                    lines: self.lines(class, index),
                });
            }
        }
        charts
    }

    /// The curves of the figure at `index`: those of the maps in colours, those of the controls in
    /// grey. The second curve of a map is dashed, as is that of a random map.
    fn lines(&self, class: &ClassEvaluation, index: usize) -> Vec<Line> {
        let several_layers = self.explain.layers.len() > 1;
        let mut lines = Vec::new();
        let mut add = |curve: Option<&Curve>, name: String, color, is_dashed| {
            let line =
                |curve: &Curve| Line { name, points: curve.points.clone(), color, is_dashed };
            lines.extend(curve.map(line));
        };
        for control in &class.controls {
            let measure = control.measures.get(index).map(|(_, measure)| measure);
            let is_random = control.control == Control::Random;
            add(measure.and_then(|it| it.curve.as_ref()), control.title(), None, is_random);
        }
        for (place, map) in class.maps.iter().enumerate() {
            let name = map_title(&map.map, several_layers);
            let least = format!("{name}, least relevant first");
            let measure = map.measures.get(index).map(|(_, measure)| measure);
            add(measure.and_then(|it| it.curve.as_ref()), name, Some(place), false);
            add(measure.and_then(|it| it.other_curve.as_ref()), least, Some(place), true);
        }
        lines
    }
}
