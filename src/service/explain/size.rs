use super::Explain;
use super::request::ChosenMethod;
use crate::attribution::Resolution;
use crate::service::answer_size::AnswerSize;
use crate::service::numpy::npz_bytes;
use crate::service::{ClassScore, OutputFormat, ServiceError};

/// What to ask for if the answer is too large.
const SMALLER: &str = "ask for fewer classes, layers or methods";
/// The most bytes of what surrounds a map's values in JSON, apart from the class.
const DIAGNOSIS_BYTES: u64 = 2048;

impl Explain {
    /// The size of an answer of `format` without its picture: of the raw maps, and in an archive of
    /// the channels of maps at the pixels. For a picture alone, the memory of the maps.
    pub(super) fn size_without_picture(
        &self,
        format: OutputFormat,
    ) -> Result<AnswerSize, ServiceError> {
        let mut size = AnswerSize::with_limit(self.max_bytes);
        let classes = self.most_classes() as u64;
        let class = ClassScore::most_json_bytes(self.classifier.info().labels());
        for &ChosenMethod { method, .. } in &self.methods {
            for layer in self.layers_of(method) {
                let [channels, height, width] = self.extents(layer).at(method.resolution);
                let layer = layer.map_or("", |layer| layer.name());
                let (values, name) = (height * width, format!("{}/{layer}", method.name));
                let has_channels = method.resolution == Resolution::Input;
                let channels_held = if has_channels { 1 + channels } else { 1 };
                match format {
                    OutputFormat::Npy => size.add(classes * npz_bytes(&name, values), SMALLER)?,
                    OutputFormat::Npz => {
                        size.add(classes * npz_bytes(&name, values), SMALLER)?;
                        if has_channels {
                            size.add(classes * npz_bytes(&name, channels * values), SMALLER)?;
                        }
                    }
                    OutputFormat::Json => {
                        let names = 2 * layer.len() as u64;
                        size.add(classes * (class + names + DIAGNOSIS_BYTES), SMALLER)?;
                        size.add_numbers(classes * (values + height) as u64, SMALLER)?;
                    }
                    // The maps are in memory while they are drawn.
                    _ => size.add(classes * (channels_held * values * 4) as u64, SMALLER)?,
                }
            }
        }
        Ok(size)
    }
}
