use std::sync::Arc;

use super::{
    Answer, Classifier, Context, MODEL, OutputFormat, Parameter, Parameters, ServiceError, Stages,
    UseCase, channels, picture_shape,
};
use ndarray::Array3;

use crate::explain::{ChannelStatistics, Normalize, Order, channel_statistics, levels, select};
use crate::onnx::Layer;
use crate::render::{
    ChannelTile, Colormap, Drawing, GridOptions, MatshowOptions, Tiles, grid, matshow,
};
use crate::runtime::{CancellationToken, Values};

mod encode;

const PARAMETERS: &[Parameter] = &[
    MODEL,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value to show; give it again for more (default: the card's list)",
        repeatable: true,
    },
    Parameter {
        name: "channel",
        value: "N[,N…]",
        help: "show these channels alone, each scaled from its minimum to its maximum",
        repeatable: true,
    },
    Parameter {
        name: "columns",
        value: "1..=256",
        help: "tiles in a row (default: 16)",
        repeatable: false,
    },
    Parameter {
        name: "normalize",
        value: "standard|minmax|layer",
        help: "how values become colours: by the channel's mean and deviation, its range, or the \
               layer's range (default: standard)",
        repeatable: false,
    },
    Parameter {
        name: "order",
        value: "index|mean|max|std",
        help: "how channels are sorted, largest first (default: index)",
        repeatable: false,
    },
    Parameter {
        name: "limit",
        value: "1..=65536",
        help: "show at most so many channels of each layer (default: all)",
        repeatable: false,
    },
    Parameter {
        name: "colormap",
        value: "viridis|jet|inferno|magma|plasma|cividis|turbo|gray",
        help: "colours of the values (default: viridis)",
        repeatable: false,
    },
    Parameter {
        name: "zoom",
        value: "1..=64",
        help: "side of one value in pixels (default: 1 for the exact grid of one layer without \
               title, otherwise as makes every layer visible)",
        repeatable: false,
    },
    Parameter {
        name: "titles",
        value: "true|false",
        help: "write each layer's name and shape above it (default: true for several layers)",
        repeatable: false,
    },
];

/// A checked request for the activations of some layers.
#[derive(Debug, Clone)]
pub struct Activations {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
    channels: Vec<usize>,
    normalize: Normalize,
    order: Order,
    limit: Option<usize>,
    grid: GridOptions,
}

/// One layer's numbers, ready to be drawn.
struct Shown<'v> {
    layer: &'v Layer,
    values: ndarray::ArrayView3<'v, f32>,
    statistics: Vec<ChannelStatistics>,
    selection: Vec<usize>,
    /// Of the channels selected; empty where nothing is drawn.
    levels: Array3<u8>,
}

impl UseCase for Activations {
    const PARAMETERS: &'static [Parameter] = PARAMETERS;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Zip, OutputFormat::Npz];

    fn check(parameters: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        parameters.check(PARAMETERS)?;
        let classifier = context.classifier(parameters)?;
        let layers = chosen_layers(parameters, &classifier)?;
        let limit = context.limits.layers;
        if layers.len() > limit {
            return Err(ServiceError::TooManyLayers { layers: layers.len(), limit });
        }
        let channels = parameters.numbers("channel")?;
        for layer in &layers {
            let [count, ..] = picture_shape(layer)?;
            if let Some(&channel) = channels.iter().find(|&&channel| channel >= count) {
                let layer = layer.name.clone();
                return Err(ServiceError::UnknownChannel { layer, channel, channels: count });
            }
        }
        let several = layers.len() > 1;
        let grid = GridOptions {
            columns: parameters.number("columns", 1..=256)?.unwrap_or(16),
            colormap: parameters.parsed("colormap")?.unwrap_or(Colormap::Viridis),
            zoom: parameters.number("zoom", 1..=64)?.map(|zoom| zoom as u32),
            titles: parameters.switch("titles")?.unwrap_or(several),
            max_pixels: context.limits.output_pixels,
        };
        Ok(Self {
            layers,
            normalize: parameters.word("normalize")?.unwrap_or_default(),
            order: parameters.word("order")?.unwrap_or_default(),
            limit: parameters.number("limit", 1..=65_536)?,
            channels,
            grid,
            classifier,
        })
    }

    fn answer(
        &self,
        image: &[u8],
        form: OutputFormat,
        context: &Context,
        token: &CancellationToken,
    ) -> Result<Answer, ServiceError> {
        let mut stages = Stages::start();
        let wanted: Vec<String> = self.layers.iter().map(|layer| layer.name.clone()).collect();
        let extent = self.classifier.extent(&wanted);
        let seen = context.look(&self.classifier, image, extent, &mut stages, token)?;
        let values = self.classifier.complete(&seen.values, &wanted, token)?;
        let shown = self.shown(&values, form != OutputFormat::Npz)?;
        stages.end("explain");
        let body = match form {
            OutputFormat::Png | OutputFormat::Npy => {
                let drawing = self.draw(&shown)?;
                stages.end_with("render", "encode", drawing.encoding);
                drawing.png
            }
            OutputFormat::Json => self.json(&shown)?,
            OutputFormat::Zip => self.zip(&shown)?,
            OutputFormat::Npz => encode::npz(&shown)?,
        };
        stages.end("encode");
        Ok(Answer { form, body, notes: self.notes(&shown), stages })
    }
}

impl Activations {
    /// Every layer in numbers; in colours too, where `drawn`. Layer by layer, so that each is still near when it is read
    /// again.
    fn shown<'v>(
        &'v self,
        values: &'v Values,
        drawn: bool,
    ) -> Result<Vec<Shown<'v>>, ServiceError> {
        let show = |index: usize| {
            let layer = &self.layers[index];
            let values = channels(layer, values.view(&layer.name)?)?;
            let statistics = channel_statistics(values);
            let (selection, normalize) = match self.channels.as_slice() {
                [] => (select(&statistics, self.order, self.limit), self.normalize),
                chosen => (chosen.to_vec(), Normalize::MinMax),
            };
            let levels = drawn.then(|| levels(values, &statistics, &selection, normalize));
            let levels = levels.unwrap_or_default();
            Ok(Shown { layer, values, statistics, selection, levels })
        };
        self.classifier.engine().map(self.layers.len(), show).into_iter().collect()
    }

    fn notes(&self, shown: &[Shown<'_>]) -> Vec<(&'static str, String)> {
        let dead: usize = shown.iter().map(|shown| shown.dead().len()).sum();
        vec![("model", self.classifier.name().to_owned()), ("dead-channels", dead.to_string())]
    }

    /// All layers in one picture.
    fn draw(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        if self.channels.is_empty() { self.draw_grid(shown) } else { self.draw_channels(shown) }
    }

    fn draw_grid(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        let tiles: Vec<Tiles<'_>> = shown
            .iter()
            .map(|shown| Tiles {
                title: shown.title(),
                levels: shown.levels.view(),
                dead: shown.selection.iter().map(|&k| shown.statistics[k].dead).collect(),
            })
            .collect();
        let engine = self.classifier.engine();
        Ok(grid(&tiles, &self.grid, |count, draw| engine.share(count, draw))?)
    }

    fn draw_channels(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        let labelled = self.grid.titles || shown.len() * self.channels.len() > 1;
        let mut tiles = Vec::new();
        for shown in shown {
            for (&channel, levels) in shown.selection.iter().zip(shown.levels.outer_iter()) {
                tiles.push(ChannelTile {
                    levels,
                    dead: shown.statistics[channel].dead,
                    caption: labelled.then(|| format!("{}  channel {channel}", shown.layer.name)),
                });
            }
        }
        let options = MatshowOptions {
            columns: self.grid.columns.min(MatshowOptions::default().columns),
            colormap: self.grid.colormap,
            zoom: self.grid.zoom,
            max_pixels: self.grid.max_pixels,
        };
        Ok(matshow(&tiles, &options)?)
    }
}

impl Shown<'_> {
    /// Indices of the channels that are constant over the picture.
    fn dead(&self) -> Vec<usize> {
        let dead = self.statistics.iter().enumerate().filter(|(_, channel)| channel.dead);
        dead.map(|(index, _)| index).collect()
    }

    /// Name, and height × width × channels; what follows two spaces is drawn fainter.
    fn title(&self) -> String {
        let (channels, height, width) = self.values.dim();
        format!("{}  {height} × {width} × {channels}", self.layer.name)
    }
}

fn chosen_layers(
    parameters: &Parameters,
    classifier: &Classifier,
) -> Result<Vec<Layer>, ServiceError> {
    let named = classifier.named_layers(parameters)?;
    if !named.is_empty() {
        return Ok(named);
    }
    classifier.settings().shown.iter().map(|name| classifier.layer(name)).collect()
}
