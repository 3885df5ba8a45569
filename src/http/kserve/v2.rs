use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::HttpError;
use super::super::app::AppState;
use super::super::path_name::PathName;
use super::super::routes::{named, refuse_parameters};
use super::super::submission::decode_base64;
use super::{at_work, object, several};
use crate::service::{Classifier, Scores};

/// The one input: pictures as files, in base64.
const INPUT: &str = "image";
/// The outputs, in order.
const OUTPUTS: [&str; 2] = ["probabilities", "logits"];

/// A request of the Open Inference Protocol; what else it may carry changes nothing here.
#[derive(Debug, Deserialize)]
struct Inference {
    id: Option<String>,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    datatype: String,
    shape: Vec<u64>,
    data: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
}

/// `GET /v2`.
pub(in crate::http) async fn metadata(uri: Uri) -> Result<Json<Value>, HttpError> {
    refuse_parameters(&uri)?;
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Ok(Json(json!({ "name": name, "version": version, "extensions": [] })))
}

/// `GET /v2/health/live`.
pub(in crate::http) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// `GET /v2/health/ready`.
pub(in crate::http) async fn ready(
    State(app): State<Arc<AppState>>,
) -> Result<Json<Value>, HttpError> {
    app.ready()?;
    Ok(Json(json!({ "ready": true })))
}

/// `GET /v2/models/{model}`.
pub(in crate::http) async fn model(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let classifier = named(&app, &name, &uri)?;
    let tensor = |name: &&str| {
        let shape = [-1, i64::try_from(classifier.info().settings().classes).unwrap_or(-1)];
        json!({ "name": name, "datatype": "FP32", "shape": shape })
    };
    let outputs = outputs_of(&classifier);
    Ok(Json(json!({
        "name": classifier.name(),
        "versions": [],
        "platform": "onnx",
        "inputs": [{ "name": INPUT, "datatype": "BYTES", "shape": [-1] }],
        "outputs": outputs.iter().map(tensor).collect::<Vec<_>>(),
    })))
}

/// Those that the model gives: probabilities only where it has a softmax or sigmoid.
fn outputs_of(classifier: &Classifier) -> &'static [&'static str] {
    if classifier.info().gives_probabilities() { &OUTPUTS } else { &OUTPUTS[1..] }
}

/// `POST /v2/models/{model}/infer`.
pub(in crate::http) async fn infer(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    refuse_parameters(&uri)?;
    let (object, permit) = object(&app, request).await?;
    at_work(&app, permit, move |app, token| {
        let classifier = app.context.models.get(Some(&name))?;
        let inference: Inference = serde_json::from_value(object.into())
            .map_err(|error| HttpError::Json(format!("no inference request: {error}")))?;
        let names = wanted(&classifier, &inference.outputs)?;
        let pictures = pictures(app, inference.inputs)?;
        let mut scores = Vec::with_capacity(pictures.len());
        for (index, picture) in pictures.iter().enumerate() {
            let found = app.context.scores(&classifier, picture, token);
            scores.push(found.map_err(|error| HttpError::from(error).of_instance(index))?);
        }
        let outputs: Vec<Value> = names.iter().map(|name| output(name, &scores)).collect();
        let mut answer = json!({ "model_name": classifier.name(), "outputs": outputs });
        if let Some(id) = inference.id {
            answer["id"] = id.into();
        }
        Ok(answer)
    })
    .await
}

/// The outputs asked for; all, where none is.
fn wanted(classifier: &Classifier, given: &[Output]) -> Result<Vec<&'static str>, HttpError> {
    let known = outputs_of(classifier);
    let find = |output: &Output| {
        let found = known.iter().copied().find(|name| *name == output.name);
        found.ok_or_else(|| {
            let there_are = known.join(", ");
            HttpError::Json(format!("there is no output {:?}; there are: {there_are}", output.name))
        })
    };
    if given.is_empty() { Ok(known.to_vec()) } else { given.iter().map(find).collect() }
}

/// The pictures of the one input.
fn pictures(app: &AppState, inputs: Vec<Input>) -> Result<Vec<Bytes>, HttpError> {
    let expected = "send one input: {\"name\": \"image\", \"datatype\": \"BYTES\", \"shape\": [n], \
                    \"data\": [the pictures' files as base64]}";
    let wrong = |what: String| HttpError::Json(format!("{what}; {expected}"));
    let inputs = <[Input; 1]>::try_from(inputs);
    let [input] = inputs.map_err(|inputs| wrong(format!("there are {} inputs", inputs.len())))?;
    if input.name != INPUT {
        return Err(wrong(format!("there is no input {:?}", input.name)));
    }
    if input.datatype != "BYTES" {
        return Err(wrong(format!("the datatype is {:?}", input.datatype)));
    }
    let count = input.data.len() as u64;
    if !matches!(input.shape.as_slice(), &[n] | &[n, 1] if n == count) {
        return Err(wrong(format!("the shape {:?} is not that of {count} pictures", input.shape)));
    }
    let decode = |(index, text): (usize, String)| {
        decode_base64(&text).map_err(|error| error.of_instance(index))
    };
    several(app, "data", input.data)?.into_iter().enumerate().map(decode).collect()
}

/// One output tensor over all pictures.
fn output(name: &str, scores: &[Scores]) -> Value {
    let rows: Vec<&[f32]> = scores
        .iter()
        .map(|scores| match name {
            "logits" => scores.logits.as_slice(),
            _ => scores.probabilities.as_slice(),
        })
        .collect();
    let shape = [rows.len(), rows.first().map_or(0, |row| row.len())];
    json!({ "name": name, "datatype": "FP32", "shape": shape, "data": rows.concat() })
}
