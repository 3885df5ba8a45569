use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::inference::{admit, check_count, run_on_worker};
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::decode_base64;
use crate::http::model_name::{ModelName, NamedModel};
use crate::http::query::refuse_parameters;
use crate::service::{Classifier, Scores};

/// The name of the one input: picture files as base64.
const INPUT: &str = "image";
/// The names of the outputs, in order.
const OUTPUTS: [&str; 2] = ["probabilities", "logits"];

/// An inference request. Its other keys are ignored.
#[derive(Debug, Deserialize)]
struct InferenceRequest {
    id: Option<String>,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Vec<RequestedOutput>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    datatype: String,
    shape: Vec<u64>,
    data: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct RequestedOutput {
    name: String,
}

#[derive(Debug, Serialize)]
struct InferenceResponse {
    model_name: String,
    outputs: Vec<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// A tensor of pictures × classes.
#[derive(Debug, Serialize)]
struct Output {
    name: &'static str,
    datatype: &'static str,
    shape: [usize; 2],
    data: Vec<f32>,
}

/// `GET /v2`.
pub(in crate::http) async fn metadata(uri: Uri) -> Result<Json<Value>, HttpError> {
    refuse_parameters(&uri)?;
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Ok(Json(json!({ "name": name, "version": version, "extensions": [] })))
}

/// `GET /v2/models/{model}`.
pub(in crate::http) async fn model(NamedModel(classifier): NamedModel) -> Json<Value> {
    let output = |name: &&str| {
        let shape = [-1, i64::try_from(classifier.info().settings().classes).unwrap_or(-1)];
        json!({ "name": name, "datatype": "FP32", "shape": shape })
    };
    let outputs: Vec<Value> = outputs_of(&classifier).iter().map(output).collect();
    Json(json!({
        "name": classifier.name(),
        "versions": [],
        "platform": "onnx",
        "inputs": [{ "name": INPUT, "datatype": "BYTES", "shape": [-1] }],
        "outputs": outputs,
    }))
}

/// The outputs of a model. It has probabilities only where it ends in a softmax or sigmoid.
fn outputs_of(classifier: &Classifier) -> &'static [&'static str] {
    if classifier.info().gives_probabilities() { &OUTPUTS } else { &OUTPUTS[1..] }
}

/// `POST /v2/models/{model}/infer`.
pub(in crate::http) async fn infer(
    State(state): State<Arc<AppState>>,
    ModelName(name): ModelName,
    uri: Uri,
    request: Request,
) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    let (object, admission) = admit(&state, request).await?;
    run_on_worker(&state, admission, move |state, job| {
        let classifier = state.context.models.get(Some(&name))?;
        let request: InferenceRequest = serde_json::from_value(object.into()).map_err(|error| {
            HttpError::InvalidJson(format!("the body is not an inference request: {error}"))
        })?;
        let names = requested_outputs(&classifier, &request.outputs)?;
        let pictures = pictures(state, request.inputs)?;
        let mut scores = Vec::with_capacity(pictures.len());
        for (index, picture) in pictures.iter().enumerate() {
            let found = state.context.scores(&classifier, picture, job);
            scores.push(found.map_err(|error| HttpError::from(error).of_instance(index))?);
        }
        let outputs = names.into_iter().map(|name| output(name, &scores)).collect();
        let model_name = classifier.name().to_owned();
        Ok(InferenceResponse { model_name, outputs, id: request.id })
    })
    .await
}

/// The names of the outputs that the request asks for; all outputs, where it names none.
fn requested_outputs(
    classifier: &Classifier,
    requested: &[RequestedOutput],
) -> Result<Vec<&'static str>, HttpError> {
    let known = outputs_of(classifier);
    let find = |output: &RequestedOutput| {
        let found = known.iter().copied().find(|name| *name == output.name);
        found.ok_or_else(|| {
            let (name, known) = (&output.name, known.join(", "));
            HttpError::InvalidJson(format!("the model has no output {name:?}, only {known}"))
        })
    };
    if requested.is_empty() { Ok(known.to_vec()) } else { requested.iter().map(find).collect() }
}

/// The pictures in the one input.
fn pictures(state: &AppState, inputs: Vec<Input>) -> Result<Vec<Bytes>, HttpError> {
    let expected = "send one input: {\"name\": \"image\", \"datatype\": \"BYTES\", \"shape\": [n], \
                    \"data\": [n picture files as base64]}";
    let invalid = |what: String| HttpError::InvalidJson(format!("{what}; {expected}"));
    let inputs = <[Input; 1]>::try_from(inputs);
    let [input] =
        inputs.map_err(|inputs| invalid(format!("the request has {} inputs", inputs.len())))?;
    if input.name != INPUT {
        return Err(invalid(format!("the model has no input {:?}", input.name)));
    }
    if input.datatype != "BYTES" {
        return Err(invalid(format!("the datatype is {:?}", input.datatype)));
    }
    let count = input.data.len() as u64;
    if !matches!(input.shape.as_slice(), &[n] | &[n, 1] if n == count) {
        return Err(invalid(format!(
            "the shape {:?} is not that of {count} pictures",
            input.shape
        )));
    }
    check_count(state, "data", input.data.len())?;
    let decode = |(index, text): (usize, String)| {
        decode_base64(&text).map_err(|error| error.of_instance(index))
    };
    input.data.into_iter().enumerate().map(decode).collect()
}

/// One output for all pictures.
fn output(name: &'static str, scores: &[Scores]) -> Output {
    let rows: Vec<&[f32]> = scores
        .iter()
        .map(|scores| match name {
            "logits" => scores.logits.as_slice(),
            _ => scores.probabilities.as_slice(),
        })
        .collect();
    let shape = [rows.len(), rows.first().map_or(0, |row| row.len())];
    Output { name, datatype: "FP32", shape, data: rows.concat() }
}
