use super::{ClassMap, Explain, Explanation, Scale};
use crate::attribution::Resolution;
use crate::render::{Drawing, HeatmapOptions, Panel, Window, heatmap};
use crate::service::{CachedForward, ServiceError};

/// The default percentile of maps at the input's pixels, which have a few very large values. Maps
/// at a layer have none.
const PIXEL_PERCENTILE: f64 = 99.0;

impl Explain {
    /// One picture of at most `max_pixels` pixels: the maps side by side, each with a caption where
    /// there are several.
    pub(super) fn draw(
        &self,
        output: &Explanation,
        max_pixels: u64,
    ) -> Result<Drawing, ServiceError> {
        let Explanation { forward, maps, .. } = output;
        let reach = |one: &ClassMap| one.map.reach(one.is_signed(), self.percentile(one));
        let reaches: Vec<f32> = maps.iter().map(reach).collect();
        let largest = reaches.iter().copied().fold(0.0, f32::max);
        let heats: Vec<_> = maps
            .iter()
            .zip(reaches)
            .map(|(one, own)| {
                let reach = if self.scale == Scale::Shared { largest } else { own };
                one.map.heat(one.is_signed(), reach)
            })
            .collect();
        let several = maps.len() > 1;
        let panels: Vec<Panel<'_>> = maps
            .iter()
            .zip(&heats)
            .map(|(one, heat)| Panel {
                heat: heat.view(),
                caption: several.then(|| self.caption(one)),
            })
            .collect();
        // Methods side by side, classes below one another; one method's classes side by side.
        let columns = if self.methods.len() > 1 { self.methods.len() } else { usize::MAX };
        let window = self.window(forward);
        let options = HeatmapOptions { columns, window, max_pixels, ..self.drawing };
        let engine = self.classifier.network().engine();
        let share = |count: usize, draw: &(dyn Fn(usize) + Sync)| engine.share(count, draw);
        Ok(heatmap(&forward.picture.pixels, &panels, &options, share)?)
    }

    /// The percentile beyond which values are clipped.
    pub(super) fn percentile(&self, one: &ClassMap) -> f64 {
        self.percentile.unwrap_or(match one.method.resolution {
            Resolution::Layer => 100.0,
            Resolution::Input => PIXEL_PERCENTILE,
        })
    }

    /// The part of the picture that the maps cover.
    pub(super) fn window(&self, forward: &CachedForward) -> Window {
        let preprocessing = &self.classifier.info().settings().preprocessing;
        let [left, top, width, height] = preprocessing.window(&forward.picture);
        Window { left, top, width, height }
    }

    /// The caption of a panel: the method where there are several, the class, and its probability,
    /// or its logit where the model gives no probabilities.
    fn caption(&self, one: &ClassMap) -> String {
        let class = match one.class.probability {
            Some(probability) => format!("{}  {:.1} %", one.class.label(), probability * 100.0),
            None => format!("{}  {:.2}", one.class.label(), one.class.logit),
        };
        if self.methods.len() > 1 { format!("{}: {class}", one.method.title) } else { class }
    }
}
