use std::sync::Arc;

use ndarray::Array3;

use super::{
    Classifier, Context, Job, MODEL, OutputFormat, PictureFile, ServiceError, UseCase, channels,
    picture_shape,
};
use crate::config::{Parameter, Parameters};
use crate::explain::{ChannelStatistics, Normalize, Order, channel_statistics, levels, select};
use crate::onnx::Layer;
use crate::render::{
    ChannelTile, Colormap, Drawing, GridOptions, MatshowOptions, Tiles, grid, matshow,
};
use crate::runtime::Values;

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

/// The activations of some layers, with the statistics of their channels.
#[derive(Debug)]
pub struct LayerActivations {
    values: Values,
    /// One a layer, in the order of the request.
    layers: Vec<LayerStatistics>,
}

/// One layer in numbers.
#[derive(Debug)]
struct LayerStatistics {
    /// Of every channel.
    channels: Vec<ChannelStatistics>,
    /// Which channels are shown, in this order.
    selection: Vec<usize>,
}

/// One layer of the output: its values and their statistics.
#[derive(Clone, Copy)]
struct Shown<'o> {
    layer: &'o Layer,
    values: ndarray::ArrayView3<'o, f32>,
    statistics: &'o [ChannelStatistics],
    selection: &'o [usize],
}

impl UseCase for Activations {
    type Input = PictureFile;
    type Output = LayerActivations;
    type Json<'o> = encode::ActivationsJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Zip, OutputFormat::Npz];

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

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

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<LayerActivations, ServiceError> {
        let wanted: Vec<String> = self.layers.iter().map(|layer| layer.name.clone()).collect();
        let outputs = self.classifier.network().output_set(&wanted);
        let forward = context.forward(&self.classifier, &picture.0, outputs, job)?;
        let values = self.classifier.network().complete(&forward.values, &wanted, &job.token)?;
        let statistics = |index: usize| {
            let layer: &Layer = &self.layers[index];
            let channels = channel_statistics(channels(layer, values.view(&layer.name)?)?);
            let selection = match self.channels.as_slice() {
                [] => select(&channels, self.order, self.limit),
                chosen => chosen.to_vec(),
            };
            Ok(LayerStatistics { channels, selection })
        };
        let layers = self.classifier.network().engine().map(self.layers.len(), statistics);
        let layers = layers.into_iter().collect::<Result<_, ServiceError>>()?;
        job.stages.end("explain");
        Ok(LayerActivations { values, layers })
    }

    fn json<'o>(
        &'o self,
        output: &'o LayerActivations,
    ) -> Result<encode::ActivationsJson<'o>, ServiceError> {
        self.activations_json(&self.shown(output)?)
    }

    fn encode(
        &self,
        output: &LayerActivations,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        let shown = self.shown(output)?;
        match format {
            OutputFormat::Zip => self.zip(&shown),
            OutputFormat::Npz => encode::npz(&shown),
            _ => {
                let drawing = self.draw(&shown)?;
                job.stages.end_with("render", "encode", drawing.encoding);
                Ok(drawing.png)
            }
        }
    }

    fn notes(&self, output: &LayerActivations) -> Vec<(&'static str, String)> {
        let channels = output.layers.iter().flat_map(|layer| &layer.channels);
        let dead = channels.filter(|channel| channel.dead).count();
        vec![("model", self.classifier.name().to_owned()), ("dead-channels", dead.to_string())]
    }
}

impl Activations {
    /// Every layer of the output with its values.
    fn shown<'o>(&'o self, output: &'o LayerActivations) -> Result<Vec<Shown<'o>>, ServiceError> {
        let layers = self.layers.iter().zip(&output.layers);
        let show = |(layer, statistics): (&'o Layer, &'o LayerStatistics)| {
            let values = channels(layer, output.values.view(&layer.name)?)?;
            let LayerStatistics { channels, selection } = statistics;
            Ok(Shown { layer, values, statistics: channels, selection })
        };
        layers.map(show).collect()
    }

    /// The colour levels of every layer's shown channels.
    fn levels(&self, shown: &[Shown<'_>]) -> Vec<Array3<u8>> {
        let normalize = self.normalize();
        self.classifier.network().engine().map(shown.len(), |index| {
            let Shown { values, statistics, selection, .. } = shown[index];
            levels(values, statistics, selection, normalize)
        })
    }

    /// Chosen channels are each scaled from their minimum to their maximum.
    fn normalize(&self) -> Normalize {
        if self.channels.is_empty() { self.normalize } else { Normalize::MinMax }
    }

    /// All layers in one picture.
    fn draw(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        if self.channels.is_empty() { self.draw_grid(shown) } else { self.draw_channels(shown) }
    }

    fn draw_grid(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        let levels = self.levels(shown);
        let tiles: Vec<Tiles<'_>> = shown
            .iter()
            .zip(&levels)
            .map(|(shown, levels)| Tiles {
                title: shown.title(),
                levels: levels.view(),
                dead: shown.selection.iter().map(|&k| shown.statistics[k].dead).collect(),
            })
            .collect();
        let engine = self.classifier.network().engine();
        Ok(grid(&tiles, &self.grid, |count, draw| engine.share(count, draw))?)
    }

    fn draw_channels(&self, shown: &[Shown<'_>]) -> Result<Drawing, ServiceError> {
        let labelled = self.grid.titles || shown.len() * self.channels.len() > 1;
        let levels = self.levels(shown);
        let mut tiles = Vec::new();
        for (shown, levels) in shown.iter().zip(&levels) {
            for (&channel, levels) in shown.selection.iter().zip(levels.outer_iter()) {
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
    let named = classifier.info().named_layers(parameters)?;
    if !named.is_empty() {
        return Ok(named);
    }
    classifier.info().settings().shown.iter().map(|name| classifier.info().layer(name)).collect()
}
