use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::{Array2, Axis};
use serde::Serialize;

use super::explanation::{ClassMap, Explanation};
use super::request::{Explain, Scale};
use crate::attribution::{LayerProperties, Sign};
use crate::explain::Score;
use crate::render::{View, Window};
use crate::service::numpy::{npy as npy_file, npz as npz_file};
use crate::service::{CachedForward, ClassScore, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct ExplanationJson<'a> {
    model: &'a str,
    layer: &'a str,
    /// Height, width and channels of the layer.
    layer_shape: [usize; 3],
    /// Height and width of the picture, upright.
    picture: [u32; 2],
    /// Top, left, height and width of the part that the network got, in pixels of the picture.
    window: [f64; 4],
    score: Score,
    sign: Sign,
    view: View,
    colormap: &'static str,
    alpha: f64,
    scale: Scale,
    /// Passes through the network that the maps took.
    passes: u64,
    maps: Vec<MapJson<'a>>,
    png: String,
}

#[derive(Debug, Serialize)]
struct MapJson<'a> {
    method: &'static str,
    formula: &'static str,
    /// Another method that gives the same map here, up to a factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<&'static str>,
    /// Whether the method's maps depend on the class.
    class_sensitive: bool,
    #[serde(flatten)]
    class: &'a ClassScore,
    /// The score that was differentiated: the one asked for, or the logit where the model gives no
    /// probabilities.
    score: Score,
    sign: Sign,
    /// Values beyond this percentile are clipped in the picture.
    percentile: f64,
    /// Whether nothing is shown: the picture has no heat.
    empty: bool,
    /// Whether the probability has rounded to 1.
    saturated: bool,
    /// Smallest and largest value of the raw map.
    min: f32,
    max: f32,
    /// ln of the factor between the map and the raw map; see `Seed`.
    ln_scale: f64,
    /// What to do about a map that shows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// The raw map, row by row, before ReLU and scaling.
    map: Vec<Vec<f32>>,
}

impl Explain {
    /// The diagnosis and the numbers, with the picture.
    pub(super) fn explanation_json<'o>(
        &'o self,
        output: &'o Explanation,
    ) -> Result<ExplanationJson<'o>, ServiceError> {
        let Explanation { forward, maps, passes } = output;
        let [channels, height, width] = self.layer.extents().unwrap_or_default();
        let properties = self.classifier.explainer().properties(&self.layer);
        let first = maps.first().map_or(Sign::Positive, |one| one.sign);
        Ok(ExplanationJson {
            model: self.classifier.name(),
            layer: &self.layer.name,
            layer_shape: [height, width, channels],
            picture: [forward.picture.height(), forward.picture.width()],
            window: self.window_in_pixels(forward),
            score: self.score,
            sign: self.sign.unwrap_or(first),
            view: self.drawing.view,
            colormap: self.drawing.colormap.name(),
            alpha: self.drawing.alpha,
            scale: self.scale,
            passes: *passes,
            maps: maps.iter().map(|one| self.map_json(one, properties)).collect(),
            png: STANDARD.encode(self.draw(output)?.png),
        })
    }

    fn window_in_pixels(&self, forward: &CachedForward) -> [f64; 4] {
        let Window { left, top, width, height } = self.window(forward);
        let picture = &forward.picture;
        let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
        [top * h, left * w, height * h, width * w]
    }

    fn map_json<'o>(&self, one: &'o ClassMap, properties: LayerProperties) -> MapJson<'o> {
        let hint = one.is_empty().then_some(match one.sign {
            Sign::Positive => "nothing in this layer is evidence for the class; try sign=negative",
            Sign::Negative => {
                "nothing in this layer is evidence against the class; try sign=positive"
            }
            Sign::Both => "nothing in this layer is evidence for or against the class",
        });
        let (min, max) = one.map.bounds();
        MapJson {
            method: one.method.name,
            formula: one.method.formula,
            same_as: (one.method.same_as)(&properties),
            class_sensitive: one.method.class_sensitive,
            class: &one.class,
            score: one.seed.score,
            sign: one.sign,
            percentile: self.percentile(one),
            empty: one.is_empty(),
            saturated: one.seed.saturated,
            min: scaled(min, one.seed.scale),
            max: scaled(max, one.seed.scale),
            ln_scale: one.seed.ln_scale,
            hint,
            map: one.raw().outer_iter().map(|row| row.to_vec()).collect(),
        }
    }
}

impl ClassMap {
    /// The map in units of the score: multiplied by the seed's `scale`.
    fn raw(&self) -> Array2<f32> {
        self.map.values.mapv(|value| scaled(value, self.seed.scale))
    }
}

fn scaled(value: f32, scale: f64) -> f32 {
    (f64::from(value) * scale) as f32
}

/// The raw maps of one method: height × width; of several classes, classes × height × width.
pub(super) fn npy(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    let maps: Vec<Array2<f32>> = maps.iter().map(ClassMap::raw).collect();
    if let [map] = maps.as_slice() {
        return npy_file(map);
    }
    let views: Vec<_> = maps.iter().map(|map| map.view()).collect();
    let stacked = ndarray::stack(Axis(0), &views).map_err(ServiceError::internal)?;
    npy_file(&stacked)
}

/// The raw maps, height × width, each under `method/class` with the class's index.
pub(super) fn npz(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    npz_file(maps.iter().map(|one| {
        let name = format!("{}/{}", one.method.name, one.class.class);
        (name, one.raw())
    }))
}
