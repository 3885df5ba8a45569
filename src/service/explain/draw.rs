use super::explanation::{ClassMap, Explanation};
use super::request::{Explain, Scale};
use crate::render::{ColorRange, Drawing, HeatmapOptions, Panel, Window, heatmap};
use crate::service::{CachedForward, ServiceError};

impl Explain {
    /// One picture of at most `max_pixels` pixels: the maps side by side, each with a caption where
    /// there are several.
    pub(in crate::service) fn draw(
        &self,
        output: &Explanation,
        max_pixels: u64,
    ) -> Result<Drawing, ServiceError> {
        let Explanation { forward, maps, .. } = output;
        let vmaxes = self.vmaxes(maps);
        let heats = maps.iter().zip(&vmaxes);
        let heats: Vec<_> = heats.map(|(one, &vmax)| one.map.heat(one.is_signed(), vmax)).collect();
        let several = maps.len() > 1;
        let panels: Vec<Panel<'_>> = maps
            .iter()
            .zip(&heats)
            .zip(&vmaxes)
            .map(|((one, heat), &vmax)| Panel {
                heat: heat.view(),
                caption: several.then(|| self.caption(one)),
                colorbar: self.colorbar.then(|| self.color_range(one, vmax)),
            })
            .collect();
        // Methods and layers side by side, classes below one another; the classes of one method and
        // layer side by side.
        let first = maps.first().map_or(0, |one| one.class.class);
        let of_class = maps.iter().take_while(|one| one.class.class == first).count();
        let columns = if of_class > 1 { of_class } else { usize::MAX };
        let window = self.window(forward);
        let options = HeatmapOptions { columns, window, max_pixels, ..self.drawing.clone() };
        let engine = self.classifier.network().engine();
        let parallel_for =
            |count: usize, draw: &(dyn Fn(usize) + Sync)| engine.parallel_for(count, draw);
        Ok(heatmap(&forward.picture.pixels, &panels, &options, parallel_for)?)
    }

    /// The magnitude of each map that takes the strongest colour.
    fn vmaxes(&self, maps: &[ClassMap]) -> Vec<f32> {
        let own = |one: &ClassMap| one.map.vmax(one.is_signed(), self.percentile(one));
        let own: Vec<f32> = maps.iter().map(own).collect();
        if self.scale == Scale::Own {
            return own;
        }
        // The maps of different classes have different factors between their values and the score.
        let ln_scores =
            maps.iter().zip(&own).map(|(one, vmax)| f64::from(*vmax).ln() + one.ln_scale());
        let largest = ln_scores.fold(f64::NEG_INFINITY, f64::max);
        let of_map = |one: &ClassMap| (largest - one.ln_scale()).exp().min(f64::from(f32::MAX));
        maps.iter().map(|one| of_map(one) as f32).collect()
    }

    /// The values of a map's colours, in units of the score.
    fn color_range(&self, one: &ClassMap, vmax: f32) -> ColorRange {
        let (scale, offset) = (one.ln_scale().exp(), f64::from(one.map.offset));
        let (vmax, signed) = (f64::from(vmax), self.drawing.signed);
        let low = if signed { -vmax } else { 0.0 };
        let values = [low, vmax].map(|value| (offset + value) * scale);
        // A shared magnitude has rounding errors.
        let clipped = f64::from(one.map.vmax(one.is_signed(), 100.0)) > vmax * (1.0 + 1e-6);
        ColorRange { values, clipped, signed }
    }

    /// The percentile beyond which values are clipped.
    pub(super) fn percentile(&self, one: &ClassMap) -> f64 {
        self.percentile.unwrap_or(one.method.resolution.percentile())
    }

    /// The part of the picture that the maps cover.
    pub(super) fn window(&self, forward: &CachedForward) -> Window {
        let preprocessing = &self.classifier.info().settings().preprocessing;
        let [left, top, width, height] = preprocessing.window(&forward.picture);
        Window { left, top, width, height }
    }

    /// The caption of a panel: the method and the layer where there are several, the class, and its
    /// score.
    pub(super) fn caption(&self, one: &ClassMap) -> String {
        let class = format!("{}  {}", one.class.label(), one.class.score());
        let method = (self.methods.len() > 1).then_some(one.method.title);
        let layer = one.only_layer().filter(|_| self.layers.len() > 1);
        let words: Vec<&str> = method.into_iter().chain(layer).collect();
        if words.is_empty() { class } else { format!("{}: {class}", words.join(", ")) }
    }
}
