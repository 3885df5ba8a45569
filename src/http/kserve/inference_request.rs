use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::binary_tensor;
use super::bytes_element::BytesElement;
use super::inference::check_count;
use crate::config::excerpt;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::decode_base64;

/// The name of the one input: picture files, in JSON as base64.
pub(super) const INPUT: &str = "image";

/// An inference request. Its other keys are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct InferenceRequest {
    pub(super) id: Option<String>,
    pub(super) inputs: Vec<Input>,
    outputs: Option<Vec<RequestedOutput>>,
    parameters: Option<RequestParameters>,
}

#[derive(Debug, Deserialize)]
struct RequestParameters {
    /// Whether the outputs are sent as binary data, where they do not say so themselves.
    binary_data_output: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    name: String,
    datatype: String,
    shape: Vec<u64>,
    parameters: Option<InputParameters>,
    data: Option<Vec<BytesElement>>,
}

#[derive(Debug, Deserialize)]
struct InputParameters {
    /// The data are binary and have this length.
    binary_data_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct RequestedOutput {
    name: String,
    parameters: Option<OutputParameters>,
}

#[derive(Debug, Deserialize)]
struct OutputParameters {
    binary_data: Option<bool>,
    // Triton's extensions. Without them the answer would not be what the request asks for.
    classification: Option<IgnoredAny>,
    shared_memory_region: Option<IgnoredAny>,
}

impl RequestedOutput {
    /// Refuses the extensions that are not supported.
    fn check(&self) -> Result<(), HttpError> {
        let parameters = self.parameters.as_ref();
        let given = |it: &OutputParameters| match it {
            it if it.classification.is_some() => Some("classification"),
            it if it.shared_memory_region.is_some() => Some("shared_memory_region"),
            _ => None,
        };
        match parameters.and_then(given) {
            None => Ok(()),
            Some(parameter) => Err(HttpError::InvalidJson(format!(
                "the parameter {parameter} of an output is not supported; leave it out"
            ))),
        }
    }
}

/// An output of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChosenOutput {
    pub(super) name: &'static str,
    /// Whether its data are sent behind the JSON object.
    pub(super) is_binary: bool,
}

impl InferenceRequest {
    /// The outputs that the request asks for; all of `known`, where it names none.
    ///
    /// # Errors
    /// [`HttpError::InvalidJson`].
    pub(super) fn chosen_outputs(
        &self,
        known: &[&'static str],
    ) -> Result<Vec<ChosenOutput>, HttpError> {
        let all_binary = self.parameters.as_ref().and_then(|it| it.binary_data_output);
        let all_binary = all_binary.unwrap_or(false);
        let requested = self.outputs.as_deref().unwrap_or_default();
        if requested.is_empty() {
            let chosen = known.iter().map(|name| ChosenOutput { name, is_binary: all_binary });
            return Ok(chosen.collect());
        }
        let mut chosen: Vec<ChosenOutput> = Vec::new();
        for output in requested {
            output.check()?;
            let RequestedOutput { name, parameters } = output;
            let Some(name) = known.iter().copied().find(|known| known == name) else {
                let (name, known) = (excerpt(name), known.join(", "));
                let text = format!("the model has no output {name:?}, only {known}");
                return Err(HttpError::InvalidJson(text));
            };
            if chosen.iter().any(|chosen| chosen.name == name) {
                let text = format!("the output {name} is asked for several times; name it once");
                return Err(HttpError::InvalidJson(text));
            }
            let is_binary = parameters.as_ref().and_then(|it| it.binary_data).unwrap_or(all_binary);
            chosen.push(ChosenOutput { name, is_binary });
        }
        Ok(chosen)
    }
}

/// The pictures in the one input. `binary` is what follows the JSON object.
///
/// # Errors
/// [`HttpError::InvalidJson`], [`HttpError::InvalidTensor`] and [`HttpError::TooManyPictures`].
pub(super) fn pictures(
    state: &AppState,
    inputs: Vec<Input>,
    binary: Bytes,
) -> Result<Vec<Bytes>, HttpError> {
    let expected = "send one input: {\"name\": \"image\", \"datatype\": \"BYTES\", \"shape\": [n], \
                    \"data\": [n picture files as base64]}";
    let invalid = |what: String| HttpError::InvalidJson(format!("{what}; {expected}"));
    let inputs = <[Input; 1]>::try_from(inputs);
    let [input] =
        inputs.map_err(|inputs| invalid(format!("the request has {} inputs", inputs.len())))?;
    if input.name != INPUT {
        return Err(invalid(format!("the model has no input {:?}", excerpt(&input.name))));
    }
    if input.datatype != "BYTES" {
        return Err(invalid(format!("the datatype is {:?}", excerpt(&input.datatype))));
    }
    let (&[count] | &[count, 1]) = input.shape.as_slice() else {
        return Err(invalid("the shape is neither [n] nor [n, 1]".to_owned()));
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    check_count(state, "the input", count)?;
    let size = input.parameters.and_then(|it| it.binary_data_size);
    if size.unwrap_or(0) != binary.len() as u64 {
        return Err(HttpError::InvalidTensor(format!(
            "binary_data_size is {}, but {} bytes follow the JSON object; the header \
             inference-header-content-length has the length of the JSON object",
            size.unwrap_or(0),
            binary.len()
        )));
    }
    match (input.data, size) {
        (None, Some(_)) => binary_tensor::elements(binary, count),
        (Some(data), None) if data.len() == count => data.iter().enumerate().map(decode).collect(),
        (Some(data), None) => {
            let (shape, given) = (&input.shape, data.len());
            Err(invalid(format!("the shape {shape:?} is not that of {given} pictures")))
        }
        (Some(_), Some(_)) => {
            Err(invalid("the input has both data and binary_data_size".to_owned()))
        }
        (None, None) => Err(invalid("the input has no data".to_owned())),
    }
}

/// The picture at position `index` of `data`.
fn decode((index, BytesElement(text)): (usize, &BytesElement)) -> Result<Bytes, HttpError> {
    decode_base64(text).map_err(|error| error.of_instance(index))
}
