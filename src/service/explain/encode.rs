use std::collections::HashSet;

use ndarray::ArrayViewD;
use serde::Serialize;

use super::explanation::{ClassMap, Explanation};
use super::request::{Explain, Scale};
use crate::attribution::{Completeness, Fuse, LayerProperties, Map, Sign};
use crate::explain::Score;
use crate::onnx::Layer;
use crate::render::{View, Window};
use crate::service::answer_size::Encoding;
use crate::service::base64_png::Base64Png;
use crate::service::numpy::{self, Array};
use crate::service::{CachedForward, CardValue, ClassScore, OutputFormat, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct ExplanationJson<'a> {
    model: &'a str,
    /// What is assumed of the preprocessing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assumed: Vec<&'a CardValue>,
    /// The layer that is explained, where there is one alone.
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
    /// How the maps of several layers became one.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuse: Option<Fuse>,
    /// Whether the gradient passes straight through the roundings of a quantized model.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    straight_through: bool,
    /// Passes through the network that the maps took.
    passes: u64,
    maps: Vec<MapJson<'a>>,
    png: Base64Png,
}

#[derive(Debug, Serialize)]
struct MapJson<'a> {
    method: &'static str,
    formula: &'static str,
    /// The layers that are explained, where the method reads one. Several are fused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<&'a str>,
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
    /// The largest singular value, divided by the second, of a map that is a principal component.
    #[serde(skip_serializing_if = "Option::is_none")]
    singular_value_ratio: Option<f64>,
    #[serde(flatten)]
    class: &'a ClassScore,
    /// The score that was differentiated: the one asked for, or the logit where the model gives no
    /// probabilities or the method is always about logits.
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
    /// What to do about a map that shows nothing or that may mislead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    /// The value of the raw map that the picture shows as nothing.
    offset: f32,
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
        let layer = self.layers.first().filter(|_| self.layers.len() == 1);
        let extents = layer.and_then(Layer::extents);
        let properties = |layer| self.classifier.explainer().properties(layer);
        let properties: Vec<_> = self.layers.iter().map(properties).collect();
        let mut size = self.size_without_picture(OutputFormat::Json)?;
        let draw = |max_pixels| self.draw(output, max_pixels);
        let drawing = size.add_picture(Encoding::Base64, self.drawing.max_pixels, draw)?;
        let first = maps.first().map_or(Sign::Positive, |one| one.sign);
        Ok(ExplanationJson {
            model: self.classifier.name(),
            assumed: self.classifier.info().settings().assumed_of_the_input(),
            layer: layer.map(|layer| layer.name()),
            layer_shape: extents.map(|[channels, height, width]| [height, width, channels]),
            picture: [forward.picture.height(), forward.picture.width()],
            window: self.window_in_pixels(forward),
            score: self.score,
            sign: self.sign.unwrap_or(first),
            view: self.drawing.view,
            colormap: self.drawing.colormap.name(),
            alpha: self.drawing.alpha,
            scale: self.scale,
            fuse: self.fuse,
            straight_through: self.classifier.network().graph().rounds(),
            passes: *passes,
            maps: maps.iter().map(|one| self.map_json(one, &properties)).collect(),
            png: Base64Png(drawing.png),
        })
    }

    fn window_in_pixels(&self, forward: &CachedForward) -> [f64; 4] {
        let Window { left, top, width, height } = self.window(forward);
        let picture = &forward.picture;
        let (w, h) = (f64::from(picture.width()), f64::from(picture.height()));
        [top * h, left * w, height * h, width * w]
    }

    /// `properties` are those of the request's layers.
    fn map_json<'o>(&self, one: &'o ClassMap, properties: &[LayerProperties]) -> MapJson<'o> {
        let layers = self.layers.iter().zip(properties);
        let of_layer = layers.filter(|(layer, _)| one.only_layer() == Some(layer.name()));
        let properties = of_layer.map(|(_, properties)| *properties).next().unwrap_or_default();
        let hint = one.is_empty().then_some(match one.sign {
            _ if one.map.bounds() == (0.0, 0.0) => {
                "the map is zero at every position: the score does not depend on what the method \
                 reads here; a method that explains a layer may need another layer"
            }
            Sign::Positive => "nothing here is evidence for the class; try sign=negative",
            Sign::Negative => "nothing here is evidence against the class; try sign=positive",
            Sign::Both => "nothing here is evidence for or against the class",
        });
        let (min, max) = one.map.bounds();
        let scale = one.ln_scale().exp();
        let Map { completeness, samples, standard_error, seed, singular_value_ratio, .. } = one.map;
        MapJson {
            method: one.method.name,
            formula: one.method.formula,
            layers: one.layers.iter().map(|layer| layer.name()).collect(),
            same_as: one
                .map
                .same_as
                .or_else(|| (one.method.same_as)(&properties))
                .filter(|_| one.layers.len() < 2),
            class_sensitive: one.method.class_sensitive,
            passes: one.passes,
            completeness,
            samples,
            standard_error,
            seed,
            singular_value_ratio,
            class: &one.class,
            score: one.map.score.unwrap_or(one.seed.score),
            sign: one.sign,
            percentile: self.percentile(one),
            empty: one.is_empty(),
            saturated: one.seed.saturated,
            min: scaled(min, scale),
            max: scaled(max, scale),
            ln_scale: one.ln_scale(),
            offset: one.offset(),
            hint: hint.or(one.map.hint),
            map: one
                .map
                .values
                .outer_iter()
                .map(|row| one.raw(row.into_iter()).collect())
                .collect(),
        }
    }
}

impl ClassMap {
    /// Values of the map in units of the score.
    fn raw<'v, I: Iterator<Item = &'v f32>>(
        &self,
        values: I,
    ) -> impl Iterator<Item = f32> + use<'v, I> {
        let scale = self.ln_scale().exp();
        values.map(move |&value| scaled(value, scale))
    }

    /// The value that the picture shows as nothing, in units of the score.
    pub(super) fn offset(&self) -> f32 {
        // −0 becomes 0.
        scaled(self.map.offset, self.ln_scale().exp()) + 0.0
    }

    /// ln of the factor between the map's values and the score.
    pub(super) fn ln_scale(&self) -> f64 {
        self.map.ln_scale.unwrap_or(self.seed.ln_scale)
    }
}

fn scaled(value: f32, scale: f64) -> f32 {
    (f64::from(value) * scale) as f32
}

/// The raw maps of one method: height × width; of several classes, classes × height × width.
pub(super) fn npy(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    let extents = maps.first().map_or((0, 0), |one| one.map.values.dim());
    let shape = [maps.len(), extents.0, extents.1];
    let shape = if maps.len() == 1 { &shape[1..] } else { &shape };
    numpy::npy(shape, maps.iter().flat_map(|one| one.raw(one.map.values.iter())))
}

/// The raw maps, height × width, each under `method/class` with the class's index, or
/// `method/layer/class` where there are maps of several layers. Of methods at the pixels also the
/// attributions of the input's channels, under `method/class/channels`.
pub(super) fn npz(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    let layers: HashSet<&str> = maps.iter().filter_map(ClassMap::only_layer).collect();
    let several = layers.len() > 1;
    numpy::npz(maps.iter().flat_map(|one| arrays(one, several)).collect())
}

/// The arrays of one map.
fn arrays(
    one: &ClassMap,
    has_layer: bool,
) -> impl Iterator<Item = Array<impl Iterator<Item = f32>>> {
    let (method, class) = (one.method.name, one.class.class);
    let name = match one.only_layer().filter(|_| has_layer) {
        Some(layer) => format!("{method}/{layer}/{class}"),
        None => format!("{method}/{class}"),
    };
    let channels = one.map.channels.as_ref().map(|channels| {
        let name = format!("{name}/channels");
        array(one, name, channels.view().into_dyn())
    });
    [array(one, name, one.map.values.view().into_dyn())].into_iter().chain(channels)
}

fn array<'v>(
    one: &ClassMap,
    name: String,
    values: ArrayViewD<'v, f32>,
) -> Array<impl Iterator<Item = f32> + use<'v>> {
    Array { name, shape: values.shape().to_vec(), values: one.raw(values.into_iter()) }
}
