use axum::response::Response;
use serde::Serialize;

use super::binary_tensor;
use super::inference::{internal, json_response};
use super::inference_request::ChosenOutput;
use crate::http::error::HttpError;
use crate::service::Scores;

/// The answer of an inference request.
#[derive(Debug, Serialize)]
pub(super) struct InferenceResponse {
    pub(super) model_name: String,
    pub(super) outputs: Vec<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
}

/// A tensor of pictures × classes. It has either binary data behind the JSON, or `data`.
#[derive(Debug, Serialize)]
pub(super) struct Output {
    name: &'static str,
    datatype: &'static str,
    shape: [usize; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinaryData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<f32>>,
}

/// The parameters of a tensor with binary data, and the data.
#[derive(Debug, Serialize)]
struct BinaryData {
    binary_data_size: usize,
    #[serde(skip)]
    bytes: Vec<u8>,
}

impl Output {
    /// One output for all pictures.
    pub(super) fn of(ChosenOutput { name, is_binary }: ChosenOutput, scores: &[Scores]) -> Self {
        let rows: Vec<&[f32]> = scores
            .iter()
            .map(|scores| match name {
                "logits" => scores.logits.as_slice(),
                _ => scores.probabilities.as_slice(),
            })
            .collect();
        let shape = [rows.len(), rows.first().map_or(0, |row| row.len())];
        let values = rows.concat();
        let (parameters, data) = if is_binary {
            let bytes = binary_tensor::float32_bytes(&values);
            (Some(BinaryData { binary_data_size: bytes.len(), bytes }), None)
        } else {
            (None, Some(values))
        };
        Self { name, datatype: "FP32", shape, parameters, data }
    }
}

impl InferenceResponse {
    /// JSON, and behind it the binary data of the outputs in their order.
    ///
    /// # Errors
    /// [`ServiceError::Internal`](crate::service::ServiceError::Internal).
    pub(super) fn into_http(self) -> Result<Response, HttpError> {
        let binary = self.outputs.iter().filter_map(|output| output.parameters.as_ref());
        let data: Vec<&[u8]> = binary.map(|binary| binary.bytes.as_slice()).collect();
        if data.is_empty() {
            return json_response(&self);
        }
        let json = serde_json::to_vec(&self).map_err(internal)?;
        Ok(binary_tensor::response(json, &data.concat()))
    }
}
