use image::RgbImage;
use serde::Serialize;

use super::Explain;
use crate::attribution::{Map, Method, Sign};
use crate::onnx::Layer;
use crate::render::{Colormap, HeatmapOptions, Panel, View, heatmap};
use crate::service::ServiceError;
use crate::service::base64_png::Base64Png;

/// A map as far as it is computed.
#[derive(Debug)]
pub(super) struct Preview<'a> {
    pub(super) method: &'a Method,
    pub(super) layer: Option<&'a Layer>,
    /// The class's index.
    pub(super) class: usize,
    pub(super) sign: Sign,
    /// Negated where the sign is negative.
    pub(super) map: Map,
}

/// The data of a `preview` event.
#[derive(Debug, Serialize)]
struct PreviewJson<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a str>,
    class: usize,
    sign: Sign,
    /// The map in grey, one pixel for each value.
    png: Base64Png,
}

impl Explain {
    /// The data of a `preview` event. The map is scaled and clipped as in the answer's picture.
    pub(super) fn preview_json(&self, preview: &Preview<'_>) -> Result<String, ServiceError> {
        let Preview { method, layer, class, sign, ref map } = *preview;
        let is_signed = sign == Sign::Both;
        let percentile = self.percentile.unwrap_or(method.resolution.percentile());
        let heat = map.heat(is_signed, map.vmax(is_signed, percentile));
        let (height, width) = heat.dim();
        let view = View::Heatmap;
        let options =
            if is_signed { HeatmapOptions::of_signed(view) } else { HeatmapOptions::of(view) };
        let max_pixels = self.drawing.max_pixels;
        let options = HeatmapOptions { colormap: Colormap::Gray, max_pixels, ..options };
        let nothing = RgbImage::new(width as u32, height as u32);
        let panels = [Panel { heat: heat.view(), caption: None, colorbar: None }];
        let engine = self.classifier.network().engine();
        let parallel_for =
            |count: usize, draw: &(dyn Fn(usize) + Sync)| engine.parallel_for(count, draw);
        let drawing = heatmap(&nothing, &panels, &options, parallel_for)?;
        let png = Base64Png(drawing.png);
        let layer = layer.map(|layer| layer.name());
        let json = PreviewJson { method: method.name, layer, class, sign, png };
        serde_json::to_string(&json).map_err(|error| ServiceError::Internal(error.to_string()))
    }
}
