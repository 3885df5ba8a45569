use serde::Serialize;

use crate::render::{MosaicOptions, charts_svg, mosaic};
use crate::service::base64_png::Base64Png;
use crate::service::evaluate::{ReportMap, ReportRow};
use crate::service::{ClassScore, Evaluate, Evaluation, ServiceError};

/// What the report says of one picture.
#[derive(Debug, Serialize)]
pub(super) struct PictureReport {
    /// Its place among the pictures, from 1 on.
    pub(super) index: usize,
    name: String,
    /// The score of the first class.
    pub(super) confidence: f64,
    predictions: Vec<PredictionRow>,
    /// The picture as the network gets it.
    input: Base64Png,
    input_size: String,
    maps: Base64Png,
    pub(super) classes: Vec<ClassReport>,
    /// The curves as an SVG element. None where no figure has one.
    curves: Option<String>,
}

#[derive(Debug, Serialize)]
struct PredictionRow {
    label: String,
    probability: String,
    logit: String,
}

/// The figures of one class.
#[derive(Debug, Serialize)]
pub(super) struct ClassReport {
    label: String,
    score: String,
    pub(super) maps: Vec<ReportMap>,
    agreement: Vec<ReportRow>,
}

/// The likeliest classes that are listed.
const PREDICTIONS: usize = 5;

impl PictureReport {
    pub(super) fn of(
        name: &str,
        request: &Evaluate,
        output: &Evaluation,
    ) -> Result<Self, ServiceError> {
        let classifier = request.classifier();
        let ranked = classifier.info().ranked(&classifier.logits(&output.forward.values)?);
        let prediction = |one: &ClassScore| PredictionRow {
            label: one.label(),
            probability: one
                .probability
                .map_or("–".to_owned(), |p| format!("{:.2} %", 100.0 * p)),
            logit: format!("{:.3}", one.logit),
        };
        let confidence = |one: &ClassScore| one.probability.unwrap_or(f64::from(one.logit));
        let class = |class| ClassReport {
            label: request.label(class),
            score: request.score_text(class),
            maps: request.report_maps(class),
            agreement: request.agreement_rows(class),
        };
        let charts = request.charts(output);
        let curves = if charts.is_empty() { None } else { Some(charts_svg(&charts)?) };
        let settings = classifier.info().settings();
        let input = classifier.explainer().input();
        let tensor = input.channels(output.forward.values.view(&input.value)?);
        let seen = tensor.map(|tensor| settings.preprocessing.picture(tensor));
        let [height, width] = settings.preprocessing.size;
        let options = MosaicOptions {
            columns: 1,
            by_columns: false,
            margin: 0,
            background: [255; 3],
            max_pixels: u64::MAX,
        };
        Ok(Self {
            index: 0,
            name: name.to_owned(),
            confidence: output.classes.first().map_or(0.0, |class| confidence(&class.score)),
            predictions: ranked.iter().take(PREDICTIONS).map(prediction).collect(),
            input: Base64Png(mosaic(&[seen], [width, height], &options)?.png),
            input_size: format!("{width} × {height} pixels"),
            maps: Base64Png(request.draw_maps(output)?.png),
            classes: output.classes.iter().map(class).collect(),
            curves,
        })
    }
}
