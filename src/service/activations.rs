//! `POST /activations`: the values of every channel of a layer.

use std::sync::Arc;

use ndarray::{Array3, ArrayView3};

use super::answer_size::{AnswerSize, Encoding};
use super::numpy::npz_bytes;
use super::{Classifier, Context, Job, OutputFormat, PictureFile, ServiceError, UseCase, channels};
use crate::config::{Parameter, Parameters};
use crate::explain::{ChannelStatistics, Normalize, Order, channel_statistics, select};
use crate::onnx::{Grid, Layer};
use crate::render::{Colormap, GridOptions};
use crate::runtime::Values;

mod draw;
mod encode;
mod parameters;
mod query;

use parameters::PARAMETERS;
use query::AttentionQuery;

/// What to ask for if the answer is too large.
const SMALLER: &str = "ask for fewer layers, or for fewer channels with limit or channel";
/// The most bytes of a channel's statistics in JSON, and of its index among the dead ones.
const STATISTICS_BYTES: u64 = 256;

/// A checked request for the activations of some layers.
#[derive(Debug, Clone)]
pub struct Activations {
    classifier: Arc<Classifier>,
    layers: Vec<Layer>,
    /// What is shown of each layer that is an attention.
    queries: Vec<Option<AttentionQuery>>,
    /// The channels that are shown alone; empty for all.
    channels: Vec<usize>,
    normalize: Normalize,
    order: Order,
    limit: Option<usize>,
    /// Whether captions were asked for.
    titles: Option<bool>,
    grid: GridOptions,
    /// The most bytes of the answer.
    max_bytes: u64,
}

/// The activations of some layers, with the statistics of their channels.
#[derive(Debug)]
pub struct LayerActivations {
    values: Values,
    /// One entry for each layer, in the order of the request.
    layers: Vec<LayerStatistics>,
}

/// The statistics of one layer.
#[derive(Debug)]
struct LayerStatistics {
    /// Of every channel.
    channels: Vec<ChannelStatistics>,
    /// Which channels are shown, in this order.
    selection: Vec<usize>,
    /// What is shown of an attention: heads × height × width.
    rows: Option<Array3<f32>>,
}

/// One layer of the output: its values and their statistics.
#[derive(Clone, Copy)]
struct ShownLayer<'o> {
    layer: &'o Layer,
    /// Whether the layer is the network's input.
    is_input: bool,
    /// What is shown of an attention.
    query: Option<&'o AttentionQuery>,
    /// Channels × height × width.
    values: ArrayView3<'o, f32>,
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
        let attentions = classifier.info().attentions();
        let queries = AttentionQuery::of_layers(parameters, &layers, attentions)?;
        let channels = parameters.numbers("channel")?;
        for (layer, query) in layers.iter().zip(&queries) {
            let [count, ..] = AttentionQuery::shape(query.as_ref(), layer)?;
            if let Some(&channel) = channels.iter().find(|&&channel| channel >= count) {
                let layer = layer.name().to_owned();
                return Err(ServiceError::UnknownChannel { layer, channel, channels: count });
            }
        }
        let normalize = parameters.word("normalize")?.unwrap_or_default();
        let titles = parameters.switch("titles")?;
        let grid = GridOptions {
            columns: parameters.number("columns", 1..=256)?.unwrap_or(16),
            colormap: parameters.parsed("colormap")?.unwrap_or(Colormap::Viridis),
            stretch: normalize == Normalize::Standard,
            zoom: parameters.number("zoom", 1..=64)?.map(|zoom| zoom as u32),
            titles: titles.unwrap_or(true),
            axes: parameters.switch("axes")?.unwrap_or(false),
            title: parameters.text("title").map(str::to_owned),
            max_pixels: context.limits.output_pixels,
        };
        Ok(Self {
            layers,
            queries,
            normalize,
            order: parameters.word("order")?.unwrap_or_default(),
            limit: parameters.number("limit", 1..=65_536)?,
            channels,
            titles,
            grid,
            max_bytes: context.limits.output_bytes,
            classifier,
        })
    }

    /// Refuses an answer whose numbers are too large. Pictures are refused before each is drawn.
    fn check_format(&self, format: OutputFormat) -> Result<(), ServiceError> {
        self.size_without_pictures(format).map(|_| ())
    }

    fn run(
        &self,
        picture: &PictureFile,
        context: &Context,
        job: &mut Job,
    ) -> Result<LayerActivations, ServiceError> {
        let wanted: Vec<String> = self.layers.iter().map(|layer| layer.value.clone()).collect();
        let outputs = self.classifier.network().output_set(&wanted);
        let forward = context.forward(&self.classifier, &picture.0, outputs, job)?;
        let values = self.classifier.network().complete(&forward.values, &wanted, &job.token)?;
        let statistics = |index: usize| {
            let layer: &Layer = &self.layers[index];
            let value = values.view(&layer.value)?;
            let rows = self.queries[index].as_ref().and_then(|query| query.rows(value.clone()));
            let channels = match &rows {
                Some(rows) => channel_statistics(rows.view()),
                None => channel_statistics(channels(layer, value)?),
            };
            let selection = match self.channels.as_slice() {
                [] => select(&channels, self.order, self.limit),
                chosen => chosen.to_vec(),
            };
            Ok(LayerStatistics { channels, selection, rows })
        };
        let engine = self.classifier.network().engine();
        let layers = engine.parallel_map(self.layers.len(), statistics);
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
                let mut size = AnswerSize::with_limit(self.max_bytes);
                let draw = |max_pixels| self.draw(&shown, max_pixels);
                let drawing = size.add_picture(Encoding::Png, self.grid.max_pixels, draw)?;
                job.stages.end_with("render", "encode", drawing.encoding);
                Ok(drawing.png)
            }
        }
    }

    fn notes(&self, output: &LayerActivations) -> Vec<(&'static str, String)> {
        let model = ("model", self.classifier.name().to_owned());
        let mut notes = vec![model, ("dead-channels", output.dead().to_string())];
        notes.extend(self.classifier.info().assumed_note());
        notes
    }

    fn summary(&self, output: &LayerActivations) -> String {
        format!("{} layers, {} dead channels", output.layers.len(), output.dead())
    }
}

impl LayerActivations {
    /// How many channels are constant over the picture, in all layers.
    fn dead(&self) -> usize {
        let channels = self.layers.iter().flat_map(|layer| &layer.channels);
        channels.filter(|channel| channel.dead).count()
    }
}

impl Activations {
    /// The size of an answer of `format` without its pictures.
    fn size_without_pictures(&self, format: OutputFormat) -> Result<AnswerSize, ServiceError> {
        let mut size = AnswerSize::with_limit(self.max_bytes);
        for (layer, query) in self.layers.iter().zip(&self.queries) {
            let [count, height, width] = AttentionQuery::shape(query.as_ref(), layer)?;
            let shown = match self.channels.len() {
                0 => self.limit.unwrap_or(count).min(count),
                chosen => chosen,
            };
            let bytes = match format {
                OutputFormat::Npz => npz_bytes(layer.name(), shown * height * width),
                OutputFormat::Json => {
                    STATISTICS_BYTES * (1 + count as u64) + 6 * layer.name().len() as u64
                }
                OutputFormat::Zip => npz_bytes(layer.name(), 0),
                _ => 0,
            };
            size.add(bytes, SMALLER)?;
        }
        Ok(size)
    }

    /// Every layer of the output with its values.
    fn shown<'o>(
        &'o self,
        output: &'o LayerActivations,
    ) -> Result<Vec<ShownLayer<'o>>, ServiceError> {
        let show = |(index, layer): (usize, &'o Layer)| {
            let is_input = layer.value == self.classifier.info().input_name();
            let LayerStatistics { channels: statistics, selection, rows } = &output.layers[index];
            let values = match rows {
                Some(rows) => rows.view(),
                None => channels(layer, output.values.view(&layer.value)?)?,
            };
            let query = self.queries[index].as_ref();
            Ok(ShownLayer { layer, is_input, query, values, statistics, selection })
        };
        self.layers.iter().enumerate().map(show).collect()
    }
}

impl ShownLayer<'_> {
    /// The tokens that are not shown. None where there are none.
    fn prefix_tokens(&self) -> Option<usize> {
        let tokens = match self.query {
            Some(query) => query.prefix_tokens(),
            None => self.layer.grid.map_or(0, Grid::prefix_tokens),
        };
        (tokens > 0).then_some(tokens)
    }

    /// Indices of the channels that are constant over the picture.
    fn dead(&self) -> Vec<usize> {
        let dead = self.statistics.iter().enumerate().filter(|(_, channel)| channel.dead);
        dead.map(|(index, _)| index).collect()
    }
}

/// The layers that a caller names, each once. Without any, those of the card.
fn chosen_layers(
    parameters: &Parameters,
    classifier: &Classifier,
) -> Result<Vec<Layer>, ServiceError> {
    let info = classifier.info();
    let layers = info.named_layers(parameters)?;
    if layers.is_empty() {
        return info.settings().shown.iter().map(|name| info.layer(name)).collect();
    }
    Ok(layers)
}
