use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::{Array2, Axis};
use serde::Serialize;

use super::{ClassMap, Explain, Explanation, Scale};
use crate::attribution::{Completeness, Map, Sign};
use crate::explain::Score;
use crate::onnx::Layer;
use crate::render::{View, Window};
use crate::service::numpy::{npy as npy_file, npz as npz_file};
use crate::service::{CachedForward, ClassScore, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct ExplanationJson<'a> {
    model: &'a str,
    /// The layer that is explained, where a method reads one.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a str>,
    /// Height, width and channels of the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer_shape: Option<[usize; 3]>,
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
    /// Passes through the network that the map took, besides the forward pass that all share.
    passes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completeness: Option<Completeness>,
    /// The altered inputs of which the map was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<usize>,
    /// The standard error of the map, as the root mean square over all positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_error: Option<f64>,
    /// The start of the random numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
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
        let layer = self.layer.as_ref();
        let extents = layer.and_then(Layer::extents);
        let first = maps.first().map_or(Sign::Positive, |one| one.sign);
        Ok(ExplanationJson {
            model: self.classifier.name(),
            layer: layer.map(|layer| layer.name.as_str()),
            layer_shape: extents.map(|[channels, height, width]| [height, width, channels]),
            picture: [forward.picture.height(), forward.picture.width()],
            window: self.window_in_pixels(forward),
            score: self.score,
            sign: self.sign.unwrap_or(first),
            view: self.drawing.view,
            colormap: self.drawing.colormap.name(),
            alpha: self.drawing.alpha,
            scale: self.scale,
            passes: *passes,
            maps: maps.iter().map(|one| self.map_json(one)).collect(),
            png: STANDARD.encode(self.draw(output)?.png),
        })
    }

    fn window_in_pixels(&self, forward: &CachedForward) -> [f64; 4] {
        let Window { left, top, width, height } = self.window(forward);
        let picture = &forward.picture;
        let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
        [top * h, left * w, height * h, width * w]
    }

    fn map_json<'o>(&self, one: &'o ClassMap) -> MapJson<'o> {
        let properties = |layer| self.classifier.explainer().properties(layer);
        let properties = self.layer.as_ref().map(properties).unwrap_or_default();
        let hint = one.is_empty().then_some(match one.sign {
            Sign::Positive => "nothing here spoke for the class; try sign=negative",
            Sign::Negative => "nothing here spoke against the class; try sign=positive",
            Sign::Both => "nothing here spoke for the class or against it",
        });
        let (min, max) = one.map.bounds();
        let Map { completeness, samples, standard_error, seed, .. } = one.map;
        MapJson {
            method: one.method.name,
            formula: one.method.formula,
            same_as: (one.method.same_as)(&properties),
            class_sensitive: one.method.class_sensitive,
            passes: one.passes,
            completeness,
            samples,
            standard_error,
            seed,
            class: &one.class,
            score: one.seed.score,
            sign: one.sign,
            percentile: self.percentile(one),
            empty: one.is_empty(),
            saturated: one.seed.saturated,
            min: one.scaled(min),
            max: one.scaled(max),
            ln_scale: one.ln_scale(),
            hint,
            map: one.raw().outer_iter().map(|row| row.to_vec()).collect(),
        }
    }
}

impl ClassMap {
    /// ln of the factor between the map's values and the score.
    fn ln_scale(&self) -> f64 {
        self.map.ln_scale.unwrap_or(self.seed.ln_scale)
    }

    /// A value of the map in units of the score.
    fn scaled(&self, value: f32) -> f32 {
        (f64::from(value) * self.ln_scale().exp()) as f32
    }

    /// The map in units of the score.
    fn raw(&self) -> Array2<f32> {
        self.map.values.mapv(|value| self.scaled(value))
    }
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

/// The raw maps, height × width, each under `method/class` with the class's index. Of methods at
/// the pixels also the attributions of the input's channels, under `method/class/channels`.
pub(super) fn npz(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    npz_file(maps.iter().flat_map(|one| {
        let name = format!("{}/{}", one.method.name, one.class.class);
        let channels = one.map.channels.as_ref().map(|channels| {
            let channels = channels.mapv(|value| one.scaled(value));
            (format!("{name}/channels"), channels.into_dyn())
        });
        [(name, one.raw().into_dyn())].into_iter().chain(channels)
    }))
}
