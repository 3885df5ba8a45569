//! The pictures of layers.

use image::RgbImage;
use ndarray::Array3;

use super::{Activations, ShownLayer};
use crate::explain::{Normalize, levels};
use crate::render::{
    ChannelTile, Drawing, GridOptions, LevelRange, MatshowOptions, Tiles, grid, matshow,
};
use crate::service::ServiceError;

/// What is drawn of one layer.
pub(super) enum Pixels {
    /// The levels of the shown channels.
    Levels(Array3<u8>),
    /// The network's input in its own colours.
    Picture(RgbImage),
}

impl Activations {
    /// All layers in one picture of at most `max_pixels` pixels.
    pub(super) fn draw(
        &self,
        shown: &[ShownLayer<'_>],
        max_pixels: u64,
    ) -> Result<Drawing, ServiceError> {
        self.draw_pixels(shown, &self.pixels(shown), max_pixels)
    }

    /// As [`draw`](Self::draw), from pixels that are already computed.
    fn draw_pixels(
        &self,
        shown: &[ShownLayer<'_>],
        pixels: &[Pixels],
        max_pixels: u64,
    ) -> Result<Drawing, ServiceError> {
        if !self.channels.is_empty() {
            return self.draw_channels(shown, pixels, max_pixels);
        }
        let tiles: Vec<Tiles<'_>> =
            shown.iter().zip(pixels).map(|(shown, pixels)| shown.tiles(pixels)).collect();
        let engine = self.classifier.network().engine();
        let options = GridOptions { max_pixels, ..self.grid.clone() };
        Ok(grid(&tiles, &options, |count, draw| engine.parallel_for(count, draw))?)
    }

    /// One layer's picture of at most `max_pixels` pixels, and the levels that have the first and
    /// the last colour in it.
    pub(super) fn draw_layer(
        &self,
        shown: &ShownLayer<'_>,
        max_pixels: u64,
    ) -> Result<(Drawing, LevelRange), ServiceError> {
        let one = std::slice::from_ref(shown);
        let pixels = self.pixels(one);
        let range = match (self.channels.is_empty(), pixels.first()) {
            (true, Some(pixels)) => shown.tiles(pixels).level_range(&self.grid),
            _ => LevelRange::FULL,
        };
        Ok((self.draw_pixels(one, &pixels, max_pixels)?, range))
    }

    /// The levels or the picture of every layer.
    fn pixels(&self, shown: &[ShownLayer<'_>]) -> Vec<Pixels> {
        let normalize = self.normalize();
        self.classifier.network().engine().parallel_map(shown.len(), |index| {
            let ShownLayer { values, statistics, selection, is_input, .. } = shown[index];
            if is_input && self.channels.is_empty() {
                let preprocessing = &self.classifier.info().settings().preprocessing;
                return Pixels::Picture(preprocessing.picture(values));
            }
            Pixels::Levels(levels(values, statistics, selection, normalize))
        })
    }

    /// Chosen channels are each scaled from their minimum to their maximum.
    pub(super) fn normalize(&self) -> Normalize {
        if self.channels.is_empty() { self.normalize } else { Normalize::MinMax }
    }

    fn draw_channels(
        &self,
        shown: &[ShownLayer<'_>],
        pixels: &[Pixels],
        max_pixels: u64,
    ) -> Result<Drawing, ServiceError> {
        let count = shown.len() * self.channels.len();
        let has_captions = self.titles.unwrap_or(count > 1);
        let mut tiles = Vec::new();
        for (shown, pixels) in shown.iter().zip(pixels) {
            let Pixels::Levels(levels) = pixels else { continue };
            for (&channel, levels) in shown.selection.iter().zip(levels.outer_iter()) {
                tiles.push(ChannelTile {
                    levels,
                    dead: shown.statistics[channel].dead,
                    caption: has_captions
                        .then(|| format!("{}  channel {channel}", shown.layer.name())),
                    colorbar: None,
                });
            }
        }
        let options = MatshowOptions {
            columns: self.grid.columns.min(MatshowOptions::default().columns),
            colormap: self.grid.colormap,
            zoom: self.grid.zoom,
            axes: self.grid.axes,
            title: self.grid.title.clone(),
            max_pixels,
        };
        Ok(matshow(&tiles, &options)?)
    }
}

impl ShownLayer<'_> {
    fn tiles<'p>(&self, pixels: &'p Pixels) -> Tiles<'p> {
        match pixels {
            Pixels::Picture(picture) => Tiles::picture(self.title(), picture),
            Pixels::Levels(levels) => {
                let dead = self.selection.iter().map(|&k| self.statistics[k].dead).collect();
                Tiles::channels(self.title(), levels.view(), dead)
            }
        }
    }

    /// Name, and height × width × channels as a note.
    fn title(&self) -> String {
        let (channels, height, width) = self.values.dim();
        let query = self.query.map(|query| format!("  query {}", query.name()));
        let (name, query) = (self.layer.name(), query.unwrap_or_default());
        format!("{name}  {height} × {width} × {channels}{query}")
    }
}
