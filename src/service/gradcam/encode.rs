use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::{Array2, Axis};
use serde::Serialize;

use super::{Explained, GradCam};
use crate::explain::{Score, Sign};
use crate::render::{View, Window};
use crate::service::numpy;
use crate::service::{CachedForward, ClassScore, ServiceError};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct GradCamJson<'a> {
    model: &'a str,
    layer: &'a str,
    /// Height, width and channels of the layer.
    layer_shape: [usize; 3],
    /// Height and width of the picture, upright.
    picture: [u32; 2],
    /// Top, left, height and width of what the network got of it.
    window: [f64; 4],
    score: Score,
    sign: Sign,
    view: View,
    colormap: &'static str,
    alpha: f64,
    maps: Vec<MapJson<'a>>,
    png: String,
}

#[derive(Debug, Serialize)]
struct MapJson<'a> {
    #[serde(flatten)]
    class: &'a ClassScore,
    /// What was differentiated in fact.
    score: Score,
    /// Nothing is left after ReLU: the picture shows no heat.
    empty: bool,
    /// The probability has rounded to 1.
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

impl GradCam {
    /// The diagnosis and the numbers, with the picture.
    pub(super) fn gradcam_json<'o>(
        &'o self,
        seen: &'o CachedForward,
        explained: &'o [Explained],
    ) -> Result<GradCamJson<'o>, ServiceError> {
        Ok(GradCamJson {
            model: self.classifier.name(),
            layer: &self.layer.name,
            layer_shape: self.layer.spatial().unwrap_or_default(),
            picture: [seen.picture.height(), seen.picture.width()],
            window: self.window_in_pixels(seen),
            score: self.score,
            sign: self.sign,
            view: self.options.view,
            colormap: self.options.colormap.name(),
            alpha: self.options.alpha,
            maps: explained.iter().map(|one| self.map_json(one)).collect(),
            png: STANDARD.encode(self.draw(seen, explained)?.png),
        })
    }

    fn window_in_pixels(&self, seen: &CachedForward) -> [f64; 4] {
        let Window { left, top, width, height } = self.window(seen);
        let (w, h) = (f64::from(seen.picture.width()), f64::from(seen.picture.height()));
        [top * h, left * w, height * h, width * w]
    }

    fn map_json<'a>(&self, one: &'a Explained) -> MapJson<'a> {
        let raw = one.raw();
        let hint = one.cam.empty.then_some(match self.sign {
            Sign::Positive => "nothing in this layer spoke for the class; try sign=negative",
            Sign::Negative => "nothing in this layer spoke against the class; try sign=positive",
        });
        MapJson {
            class: &one.class,
            score: one.seed.score,
            empty: one.cam.empty,
            saturated: one.seed.saturated,
            min: scaled(one.cam.min, one.seed.scale),
            max: scaled(one.cam.max, one.seed.scale),
            ln_scale: one.seed.ln_scale,
            hint,
            map: raw.outer_iter().map(|row| row.to_vec()).collect(),
        }
    }
}

impl Explained {
    /// The map in units of the score: the seed's factor multiplied back in.
    fn raw(&self) -> Array2<f32> {
        self.cam.raw.mapv(|value| scaled(value, self.seed.scale))
    }
}

fn scaled(value: f32, scale: f64) -> f32 {
    (f64::from(value) * scale) as f32
}

/// The raw map, height × width; of several classes, classes × height × width.
pub(super) fn npy(explained: &[Explained]) -> Result<Vec<u8>, ServiceError> {
    let maps: Vec<Array2<f32>> = explained.iter().map(Explained::raw).collect();
    if let [map] = maps.as_slice() {
        return numpy::npy(map);
    }
    let views: Vec<_> = maps.iter().map(|map| map.view()).collect();
    let stacked = ndarray::stack(Axis(0), &views).map_err(ServiceError::internal)?;
    numpy::npy(&stacked)
}
