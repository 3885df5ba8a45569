use serde::Serialize;

use super::request::{FilterPatterns, Filters, MARGIN, SMALLER};
use crate::filters::Style;
use crate::service::ServiceError;
use crate::service::answer_size::{AnswerSize, Encoding};
use crate::service::base64_png::Base64Png;
use crate::service::numpy::{self, Array, npz_bytes};

/// The JSON answer.
#[derive(Debug, Serialize)]
pub struct FiltersJson<'a> {
    model: &'a str,
    layer: &'a str,
    style: Style,
    /// Height and width of a picture.
    size: [usize; 2],
    /// The pictures in a row.
    columns: usize,
    /// Pixels between two pictures.
    margin: usize,
    steps: usize,
    /// The start of the random numbers.
    seed: u64,
    /// Forward and backward passes of the part of the network up to the layer.
    passes: u64,
    filters: Vec<FilterJson<'a>>,
    png: Base64Png,
}

/// The picture of one channel.
#[derive(Debug, Serialize)]
struct FilterJson<'a> {
    channel: usize,
    /// The gradient was zero at every step.
    dead: bool,
    /// The objective before each step.
    losses: &'a [f64],
}

impl Filters {
    pub(super) fn filters_json<'o>(
        &'o self,
        output: &'o FilterPatterns,
    ) -> Result<FiltersJson<'o>, ServiceError> {
        let filters = self.channels.iter().zip(&output.patterns);
        let filters = filters.map(|(&channel, pattern)| FilterJson {
            channel,
            dead: pattern.is_dead,
            losses: &pattern.losses,
        });
        Ok(FiltersJson {
            model: self.classifier.name(),
            layer: self.layer.name(),
            style: self.style,
            size: output.size,
            columns: self.columns(),
            margin: MARGIN,
            steps: self.steps,
            seed: self.seed,
            passes: output.passes,
            filters: filters.collect(),
            png: Base64Png(self.draw(output, Encoding::Base64)?.png),
        })
    }

    /// The pictures as arrays, channels × height × width, under `layer/channel`.
    pub(super) fn npz(&self, output: &FilterPatterns) -> Result<Vec<u8>, ServiceError> {
        let mut size = AnswerSize::with_limit(self.max_bytes);
        let arrays = self.channels.iter().zip(&output.patterns).map(|(channel, pattern)| {
            let name = format!("{}/{channel}", self.layer.name());
            size.add(npz_bytes(&name, pattern.values.len()), SMALLER)?;
            let (shape, values) = (pattern.values.shape().to_vec(), pattern.values.iter().copied());
            Ok(Array { name, shape, values })
        });
        numpy::npz(arrays.collect::<Result<_, ServiceError>>()?)
    }
}
