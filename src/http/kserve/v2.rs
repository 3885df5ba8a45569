use std::fmt::Display;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::inference::{admit, check_count, run_on_worker};
use crate::config::{MAX_VALUE_BYTES, MAX_VALUES, ParameterError, excerpt};
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::{decode_base64, text};
use crate::http::json_entries::{EntriesError, for_each_item};
use crate::http::model_name::{ModelName, NamedModel};
use crate::http::query::refuse_parameters;
use crate::service::{AnswerSize, Classifier, Scores};

/// The name of the one input: picture files as base64.
const INPUT: &str = "image";
/// The names of the outputs, in order.
const OUTPUTS: [&str; 2] = ["probabilities", "logits"];

/// An inference request. Its other keys are ignored. The values are pieces of the body's text.
#[derive(Debug, Deserialize)]
struct InferenceRequest<'b> {
    #[serde(borrow)]
    id: Option<&'b RawValue>,
    #[serde(borrow)]
    inputs: &'b RawValue,
    #[serde(borrow)]
    outputs: Option<&'b RawValue>,
}

#[derive(Debug, Deserialize)]
struct Input<'b> {
    #[serde(borrow)]
    name: &'b RawValue,
    #[serde(borrow)]
    datatype: &'b RawValue,
    #[serde(borrow)]
    shape: &'b RawValue,
    #[serde(borrow)]
    data: &'b RawValue,
}

#[derive(Debug, Deserialize)]
struct RequestedOutput<'b> {
    #[serde(borrow)]
    name: &'b RawValue,
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
    let (body, permit) = admit(&state, request).await?;
    run_on_worker(&state, permit, move |state, token| {
        let classifier = state.context.models.get(Some(&name))?;
        let request: InferenceRequest<'_> = entries("the body", &body)?;
        let names = requested_outputs(&classifier, request.outputs)?;
        let id = request.id.map(request_id).transpose()?;
        let pictures = pictures(state, request.inputs)?;
        drop(body);
        check_size(state, &classifier, names.len() * pictures.len())?;
        let mut scores = Vec::with_capacity(pictures.len());
        for (index, picture) in pictures.iter().enumerate() {
            let found = state.context.scores(&classifier, picture, token);
            scores.push(found.map_err(|error| HttpError::from(error).of_instance(index))?);
        }
        let outputs = names.into_iter().map(|name| output(name, &scores)).collect();
        let model_name = classifier.name().to_owned();
        Ok(InferenceResponse { model_name, outputs, id })
    })
    .await
}

/// Reads the keys of an object. `what` names it in error texts.
fn entries<'b, T: Deserialize<'b>>(what: &str, json: &'b [u8]) -> Result<T, HttpError> {
    let kind = match json.trim_ascii_start().first() {
        Some(b'{') => return serde_json::from_slice(json).map_err(|error| invalid(what, error)),
        _ => "it is not an object",
    };
    Err(invalid(what, kind))
}

fn invalid(what: &str, error: impl Display) -> HttpError {
    HttpError::InvalidJson(format!("{what} is not that of an inference request: {error}"))
}

/// The id, which the answer repeats.
fn request_id(id: &RawValue) -> Result<String, HttpError> {
    match text(id) {
        Some(id) if id.len() <= MAX_VALUE_BYTES => Ok(id.into_owned()),
        _ => Err(invalid("id", format!("send a string of at most {MAX_VALUE_BYTES} bytes"))),
    }
}

/// Refuses an answer of `rows` outputs of every class that would be too large.
fn check_size(state: &AppState, classifier: &Classifier, rows: usize) -> Result<(), HttpError> {
    let numbers = rows as u64 * classifier.info().settings().classes as u64;
    let mut size = AnswerSize::with_limit(state.context.limits.output_bytes);
    Ok(size.add_numbers(numbers, "send fewer pictures, or ask for one output")?)
}

/// The names of the outputs that the request asks for, each once; all outputs, where it names none.
fn requested_outputs(
    classifier: &Classifier,
    requested: Option<&RawValue>,
) -> Result<Vec<&'static str>, HttpError> {
    let known = outputs_of(classifier);
    let (mut names, mut times) = (Vec::new(), 0);
    for_each(requested, "outputs", |output| {
        times += 1;
        if times > MAX_VALUES {
            return Err(ParameterError::TooMany.into());
        }
        let output: RequestedOutput<'_> = entries("an output", output.get().as_bytes())?;
        let given = text(output.name).unwrap_or_default();
        let Some(name) = known.iter().copied().find(|name| *name == given) else {
            let (name, known) = (excerpt(output.name.get()), known.join(", "));
            let text = format!("the model has no output {name}, only {known}");
            return Err(HttpError::InvalidJson(text));
        };
        if !names.contains(&name) {
            names.push(name);
        }
        Ok(())
    })?;
    Ok(if names.is_empty() { known.to_vec() } else { names })
}

/// Calls `each` with every item of the list under `key`, if it is there.
fn for_each<'b>(
    list: Option<&'b RawValue>,
    key: &str,
    each: impl FnMut(&'b RawValue) -> Result<(), HttpError>,
) -> Result<(), HttpError> {
    let Some(list) = list else { return Ok(()) };
    for_each_item(list, each).map_err(|error| match error {
        EntriesError::Refused(error) => error,
        _ => invalid(key, "it is not a list"),
    })
}

/// The pictures in the one input.
fn pictures(state: &AppState, inputs: &RawValue) -> Result<Vec<Bytes>, HttpError> {
    let expected = "send one input: {\"name\": \"image\", \"datatype\": \"BYTES\", \"shape\": [n], \
                    \"data\": [n picture files as base64]}";
    let invalid = |what: String| HttpError::InvalidJson(format!("{what}; {expected}"));
    let (mut first, mut times) = (None, 0);
    for_each(Some(inputs), "inputs", |input| {
        first.get_or_insert(input);
        times += 1;
        Ok(())
    })?;
    let (Some(input), 1) = (first, times) else {
        return Err(invalid(format!("the request has {times} inputs")));
    };
    let input: Input<'_> = entries("the input", input.get().as_bytes())?;
    if text(input.name).as_deref() != Some(INPUT) {
        return Err(invalid(format!("the model has no input {}", excerpt(input.name.get()))));
    }
    if text(input.datatype).as_deref() != Some("BYTES") {
        return Err(invalid(format!("the datatype is {}", excerpt(input.datatype.get()))));
    }
    let mut given = 0;
    for_each(Some(input.data), "data", |_| {
        given += 1;
        Ok(())
    })?;
    if !is_shape_of(input.shape, given) {
        let shape = excerpt(input.shape.get());
        return Err(invalid(format!("the shape {shape} is not that of {given} pictures")));
    }
    check_count(state, "data", given)?;
    let mut pictures = Vec::with_capacity(given);
    for_each(Some(input.data), "data", |item| {
        let text = text(item).ok_or_else(|| invalid("data has an item that is no string".into()));
        let picture = text.and_then(|text| decode_base64(&text));
        pictures.push(picture.map_err(|error| error.of_instance(pictures.len()))?);
        Ok(())
    })?;
    Ok(pictures)
}

/// Whether a shape is `[count]` or `[count, 1]`.
fn is_shape_of(shape: &RawValue, count: usize) -> bool {
    let is_vector =
        serde_json::from_str(shape.get()).is_ok_and(|shape: [usize; 1]| shape[0] == count);
    is_vector
        || serde_json::from_str(shape.get()).is_ok_and(|shape: [usize; 2]| shape == [count, 1])
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
