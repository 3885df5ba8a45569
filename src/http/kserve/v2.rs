use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};

use super::binary_tensor;
use super::inference::{admit, run_on_worker};
use super::inference_request::{ChosenOutput, InferenceRequest, entries};
use super::inference_response::{InferenceResponse, Output};
use super::input_tensor::{INPUT, pictures};
use super::model::find_model;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::model_name::{ModelName, OnlyModelName};
use crate::http::query::refuse_parameters;
use crate::service::{AnswerSize, Classifier};

/// The names of the outputs, in order.
const OUTPUTS: [&str; 2] = ["probabilities", "logits"];

/// `GET /v2`.
pub(in crate::http) async fn metadata(uri: Uri) -> Result<Json<Value>, HttpError> {
    refuse_parameters(&uri)?;
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Ok(Json(json!({ "name": name, "version": version, "extensions": ["binary_tensor_data"] })))
}

/// `GET /v2/models/{model}`.
pub(in crate::http) async fn model(
    State(state): State<Arc<AppState>>,
    OnlyModelName(name): OnlyModelName,
) -> Result<Json<Value>, HttpError> {
    let classifier = find_model(&state, &name)?;
    let output = |name: &&str| {
        let shape = [-1, i64::try_from(classifier.info().settings().classes).unwrap_or(-1)];
        json!({ "name": name, "datatype": "FP32", "shape": shape })
    };
    let outputs: Vec<Value> = outputs_of(&classifier).iter().map(output).collect();
    Ok(Json(json!({
        "name": name,
        "versions": [],
        "platform": "onnx_onnxv1",
        "inputs": [{ "name": INPUT, "datatype": "BYTES", "shape": [-1] }],
        "outputs": outputs,
    })))
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
    let json_length = binary_tensor::json_length(request.headers())?;
    let (body, admission) = admit(&state, request).await?;
    run_on_worker(&state, admission, move |state, job| {
        let classifier = find_model(state, &name)?;
        let (json, binary) = binary_tensor::split(body, json_length)?;
        let request: InferenceRequest<'_> = entries("the body", &json)?;
        let outputs = request.chosen_outputs(outputs_of(&classifier))?;
        let id = request.id()?;
        let pictures = pictures(state, request.inputs, binary)?;
        drop(json);
        check_size(state, &classifier, &outputs, pictures.len())?;
        let mut scores = Vec::with_capacity(pictures.len());
        for (index, picture) in pictures.iter().enumerate() {
            let found = state.context.scores(&classifier, picture, job);
            scores.push(found.map_err(|error| HttpError::from(error).of_instance(index))?);
        }
        let outputs = outputs.into_iter().map(|chosen| Output::of(chosen, &scores)).collect();
        InferenceResponse { model_name: name, outputs, id }.into_http()
    })
    .await
}

/// Refuses an answer of `outputs` for `pictures` pictures that would be too large.
fn check_size(
    state: &AppState,
    classifier: &Classifier,
    outputs: &[ChosenOutput],
    pictures: usize,
) -> Result<(), HttpError> {
    let remedy = "send fewer pictures, or ask for one output";
    let numbers = pictures as u64 * classifier.info().settings().classes as u64;
    let mut size = AnswerSize::with_limit(state.context.limits.output_bytes);
    for output in outputs {
        if output.is_binary {
            size.add(numbers * size_of::<f32>() as u64, remedy)?;
        } else {
            size.add_numbers(numbers, remedy)?;
        }
    }
    Ok(())
}
