use serde::Serialize;

use super::explanation::{ClassMap, Explanation};
use super::request::{Explain, Scale};
use crate::attribution::{LayerProperties, Sign};
use crate::explain::Score;
use crate::render::{View, Window};
use crate::service::answer_size::Encoding;
use crate::service::base64_png::Base64Png;
use crate::service::numpy::{self, Array};
use crate::service::{CachedForward, ClassScore, OutputFormat, ServiceError};

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
    png: Base64Png,
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
        let mut size = self.size_without_picture(OutputFormat::Json)?;
        let draw = |max_pixels| self.draw(output, max_pixels);
        let drawing = size.add_picture(Encoding::Base64, self.drawing.max_pixels, draw)?;
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
            png: Base64Png(drawing.png),
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
            _ if one.map.bounds() == (0.0, 0.0) => {
                "the map is zero at every position, whatever the sign: the score does not depend on \
                 the values that the method reads here; name another layer"
            }
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
    /// Values of the map in units of the score: multiplied by the seed's `scale`.
    fn raw<'v>(&self, values: impl Iterator<Item = &'v f32>) -> impl Iterator<Item = f32> {
        let scale = self.seed.scale;
        values.map(move |&value| scaled(value, scale))
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

/// The raw maps, height × width, each under `method/class` with the class's index.
pub(super) fn npz(maps: &[ClassMap]) -> Result<Vec<u8>, ServiceError> {
    numpy::npz(maps.iter().map(array).collect())
}

fn array(one: &ClassMap) -> Array<impl Iterator<Item = f32>> {
    Array {
        name: format!("{}/{}", one.method.name, one.class.class),
        shape: one.map.values.shape().to_vec(),
        values: one.raw(one.map.values.iter()),
    }
}
