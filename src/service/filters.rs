use super::answer_size::{AnswerSize, Encoding};
use super::{Context, Job, MODEL, OutputFormat, ServiceError, UseCase};
use crate::attribution::AttributionError;
use crate::config::{Parameter, ParameterError, Parameters};
use crate::filters::{Ascent, Stem, Style, ascend};
use crate::runtime::RuntimeError;

mod draw;
mod encode;
mod request;

use encode::FiltersJson;
use request::SMALLER;
pub use request::{FilterPatterns, FilterStart, Filters};

/// The side of a picture where the layer takes any size, the steps, and the channels that are shown
/// where none is named: as in the book.
const SIZE: usize = 64;
const STEPS: usize = 40;
const CHANNELS: usize = 64;

/// The most channels in one answer.
const MAX_CHANNELS: usize = 256;

const PARAMETERS: &[Parameter] = &[
    MODEL,
    Parameter {
        name: "layer",
        value: "NAME",
        help: "layer, alias or ONNX value whose channels are shown (default: the card's, else the \
               last with height and width)",
        repeatable: false,
    },
    Parameter {
        name: "channel",
        value: "N[,N…]",
        help: "channels to show (default: the first 64)",
        repeatable: true,
    },
    Parameter {
        name: "style",
        value: "natural|book",
        help: "natural: a Fourier basis with decorrelated colours; book: pixels, as in Deep \
               Learning with Python (default: natural)",
        repeatable: false,
    },
    Parameter {
        name: "size",
        value: "8..=512",
        help: "side of a picture in pixels (default: 64); the input's own where the layer takes \
               no other",
        repeatable: false,
    },
    Parameter {
        name: "steps",
        value: "1..=4096",
        help: "steps of the ascent (default: 40)",
        repeatable: false,
    },
    Parameter {
        name: "seed",
        value: "0..=4294967295",
        help: "start of the random numbers; the same seed gives the same pictures (default: 0)",
        repeatable: false,
    },
    Parameter {
        name: "columns",
        value: "1..=256",
        help: "pictures in a row (default: 8)",
        repeatable: false,
    },
];

impl UseCase for Filters {
    type Input = FilterStart;
    type Output = FilterPatterns;
    type Json<'o> = FiltersJson<'o>;
    const FORMATS: &'static [OutputFormat] =
        &[OutputFormat::Png, OutputFormat::Json, OutputFormat::Npz];

    fn parameters() -> &'static [Parameter] {
        PARAMETERS
    }

    fn check(given: &Parameters, context: &Context) -> Result<Self, ServiceError> {
        given.check(PARAMETERS)?;
        let classifier = context.classifier(given)?;
        let layer = match given.text("layer") {
            Some(name) => classifier.info().layer(name)?,
            None => classifier.explained_layer(None)?,
        };
        let count = layer.channel_count();
        let mut channels = given.numbers("channel")?;
        if channels.is_empty() {
            channels = (0..count.min(CHANNELS)).collect();
        }
        let mut known = std::collections::HashSet::new();
        channels.retain(|channel| known.insert(*channel));
        if let Some(&channel) = channels.iter().find(|&&channel| channel >= count) {
            let layer = layer.name().to_owned();
            return Err(ServiceError::UnknownChannel { layer, channel, channels: count });
        }
        if channels.len() > MAX_CHANNELS {
            return Err(ServiceError::Parameter(ParameterError::Invalid {
                name: "channel",
                value: format!("{} channels", channels.len()),
                expected: format!("at most {MAX_CHANNELS}; ask in several requests"),
            }));
        }
        let request = Self {
            classifier,
            layer,
            channels,
            style: given.word("style")?.unwrap_or_default(),
            size: given.number("size", 8..=512)?,
            steps: given.number("steps", 1..=4096)?.unwrap_or(STEPS),
            seed: given.number("seed", 0..=u32::MAX as usize)?.unwrap_or(0) as u64,
            columns: given.number("columns", 1..=256)?,
            max_passes: context.limits.passes,
            max_pixels: context.limits.output_pixels,
            max_bytes: context.limits.output_bytes,
        };
        request.check_cost([request.size.unwrap_or(SIZE); 2])?;
        Ok(request)
    }

    fn run(
        &self,
        start: &FilterStart,
        _: &Context,
        job: &mut Job,
    ) -> Result<FilterPatterns, ServiceError> {
        let start = start.0.as_ref();
        let start_size = start.map(|start| [start.dim().0, start.dim().1]);
        let (stem, size) = self.stem(start_size, job)?;
        job.stages.end("derive");
        let preprocessing = &self.classifier.info().settings().preprocessing;
        let start = start.map(|start| start.clone().permuted_axes([2, 0, 1]));
        let style = if start.is_some() { Style::Book } else { self.style };
        if start.as_ref().is_some_and(|start| start.dim().0 != preprocessing.channels()) {
            return Err(invalid_start("height × width × channels of the network's input"));
        }
        let ascent = Ascent { style, size, steps: self.steps, seed: self.seed, start };
        let passes = 2 * (self.steps * self.channels.len()) as u64;
        job.token.announce(passes);
        let engine = self.classifier.network().engine();
        let climb = |index: usize| {
            let channel = self.channels[index];
            let objective = stem.channel(channel, &job.token);
            let step = || Ok(job.token.advance(2)?);
            ascend(&ascent, channel, preprocessing, &objective, &step)
        };
        let patterns = engine.parallel_map(self.channels.len(), climb).into_iter();
        let patterns = patterns.collect::<Result<_, _>>();
        let patterns = patterns.map_err(|error| self.classifier.attribution_error(error))?;
        job.stages.end("ascend");
        Ok(FilterPatterns { patterns, size, passes })
    }

    fn json<'o>(&'o self, output: &'o FilterPatterns) -> Result<FiltersJson<'o>, ServiceError> {
        self.filters_json(output)
    }

    fn encode(
        &self,
        output: &FilterPatterns,
        format: OutputFormat,
        job: &mut Job,
    ) -> Result<Vec<u8>, ServiceError> {
        if format == OutputFormat::Npz {
            return self.npz(output);
        }
        let drawing = self.draw(output, Encoding::Png)?;
        job.stages.end_with("render", "encode", drawing.encoding);
        Ok(drawing.png)
    }

    fn notes(&self, output: &FilterPatterns) -> Vec<(&'static str, String)> {
        let dead = output.patterns.iter().filter(|pattern| pattern.is_dead).count();
        vec![
            ("model", self.classifier.name().to_owned()),
            ("layer", self.layer.name().to_owned()),
            ("dead-channels", dead.to_string()),
        ]
    }
}

impl Filters {
    /// Refuses what takes too many passes or too much memory. A pass over a smaller picture counts
    /// as the part of a pass that its pixels are of the network's input.
    fn check_cost(&self, size: [usize; 2]) -> Result<(), ServiceError> {
        let own = self.classifier.info().settings().preprocessing.size;
        let pixels = |[height, width]: [usize; 2]| (height * width) as f64;
        let part = pixels(size) / pixels(own).max(1.0);
        let passes = 2.0 * (self.steps * self.channels.len()) as f64 * part;
        let (passes, limit) = (passes.ceil() as u64, self.max_passes);
        if passes > limit {
            return Err(ServiceError::TooManyPasses { passes, limit });
        }
        // Every picture is held as float32 and in 8 bits.
        let held = self.channels.len() as u64 * 3 * pixels(size) as u64 * 5;
        AnswerSize::with_limit(self.max_bytes).add(held, SMALLER)
    }

    /// The part of the network up to the layer, and the height and width of its pictures: those
    /// that are given, else the default, else the network's own.
    fn stem(
        &self,
        start: Option<[usize; 2]>,
        job: &Job,
    ) -> Result<(Stem, [usize; 2]), ServiceError> {
        let own = self.classifier.info().settings().preprocessing.size;
        let compile = |size: [usize; 2]| {
            let (network, input) = (self.classifier.network(), self.classifier.explainer().input());
            let before = self.style == Style::Natural && start.is_none();
            Stem::compile(network, input, &self.layer, size, before, &job.token)
        };
        let error = |error| self.classifier.attribution_error(error);
        let given = self.size.map(|size| [size; 2]);
        if let (Some(start), Some(given)) = (start, given)
            && start != given
        {
            return Err(invalid_start("the size that is asked for"));
        }
        let wanted = start.or(given).unwrap_or([SIZE; 2]);
        self.check_cost(wanted)?;
        let is_chosen = start.is_some() || given.is_some();
        match compile(wanted) {
            // A network whose graph fixes its input, for instance by a reshape.
            Ok(stem) if stem.channels() == self.layer.channel_count() => Ok((stem, wanted)),
            Err(AttributionError::Runtime(stopped @ RuntimeError::Interrupted(_))) => {
                Err(stopped.into())
            }
            _ if wanted == own => compile(own).map(|stem| (stem, own)).map_err(error),
            _ if is_chosen => Err(ServiceError::Parameter(ParameterError::Invalid {
                name: "size",
                value: wanted[0].to_string(),
                expected: format!(
                    "layer {:?} of this network takes only pictures of {} × {}; leave size out",
                    self.layer.name(),
                    own[1],
                    own[0]
                ),
            })),
            _ => {
                self.check_cost(own)?;
                compile(own).map(|stem| (stem, own)).map_err(error)
            }
        }
    }
}

fn invalid_start(expected: &str) -> ServiceError {
    ServiceError::Parameter(ParameterError::Invalid {
        name: "start",
        value: "an array of another shape".to_owned(),
        expected: expected.to_owned(),
    })
}
