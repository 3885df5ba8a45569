use super::Explain;
use super::request::ChosenMethod;
use crate::attribution::{Extents, Resolution};
use crate::service::answer_size::AnswerSize;
use crate::service::numpy::npz_bytes;
use crate::service::{ClassScore, OutputFormat, ServiceError};

/// What to ask for if the answer is too large.
const SMALLER: &str = "ask for fewer classes or methods";
/// The most bytes of what surrounds a map's values in JSON, apart from the class.
const DIAGNOSIS_BYTES: u64 = 2048;

impl Explain {
    /// The size of an answer of `format` without its picture: of the raw maps, and in an archive of
    /// the channels of maps at the pixels.
    pub(super) fn size_without_picture(
        &self,
        format: OutputFormat,
    ) -> Result<AnswerSize, ServiceError> {
        let mut size = AnswerSize::with_limit(self.max_bytes);
        let classes = self.most_classes() as u64;
        let class = ClassScore::most_json_bytes(self.classifier.info().labels());
        let Extents { layer, input } = self.extents();
        for &ChosenMethod { method, .. } in &self.methods {
            let [channels, height, width] = match method.resolution {
                Resolution::Layer => layer,
                Resolution::Input => input,
            };
            let values = height * width;
            match format {
                OutputFormat::Npy => {
                    size.add(classes * npz_bytes(method.name, values), SMALLER)?;
                }
                OutputFormat::Npz => {
                    size.add(classes * npz_bytes(method.name, values), SMALLER)?;
                    if method.resolution == Resolution::Input {
                        let values = channels * values;
                        size.add(classes * npz_bytes(method.name, values), SMALLER)?;
                    }
                }
                OutputFormat::Json => {
                    size.add(classes * (class + DIAGNOSIS_BYTES), SMALLER)?;
                    size.add_numbers(classes * (values + height) as u64, SMALLER)?;
                }
                _ => {}
            }
        }
        Ok(size)
    }
}
