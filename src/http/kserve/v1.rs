use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::inference::{admit, check_count, internal, run_on_worker};
use crate::config::Parameters;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::instance;
use crate::http::model_name::ModelName;
use crate::http::query::refuse_parameters;
use crate::http::request_input::UseCaseRequest;
use crate::runtime::CancellationToken;
use crate::service::{ClassScore, GradCam, Job, PictureFile, Predict, UseCase};

/// `GET /v1/models`.
pub(in crate::http) async fn models(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    state.require_loaded()?;
    refuse_parameters(&uri)?;
    let models = state.context.models.now();
    let names: Vec<&str> = models.iter().map(|classifier| classifier.name()).collect();
    Ok(Json(json!({ "models": names })))
}

/// The methods of a path under `/v1/models/`, for the `Allow` header.
pub(in crate::http) fn allowed_methods(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("/v1/models/")?;
    let has_verb = name.ends_with(":predict") || name.ends_with(":explain");
    Some(if has_verb { "POST" } else { "GET,HEAD" })
}

/// The answer of `:predict` and `:explain`, one entry per instance.
#[derive(Debug, Serialize)]
struct Answer {
    predictions: Vec<Vec<ClassScore>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanations: Option<Vec<Box<RawValue>>>,
}

/// One picture and its parameters.
type Instance = UseCaseRequest<PictureFile>;

/// `POST /v1/models/{model}:predict` and `:explain`. An instance is the JSON body of `POST
/// /predict` or `POST /gradcam`. An error in one instance fails the whole request.
pub(in crate::http) async fn run(
    State(state): State<Arc<AppState>>,
    ModelName(name): ModelName,
    uri: Uri,
    request: Request,
) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    let no_route = || HttpError::NoRoute { path: uri.path().to_owned() };
    let (model, verb) = name.rsplit_once(':').ok_or_else(no_route)?;
    let explains = match verb {
        "predict" => false,
        "explain" => true,
        _ => return Err(no_route()),
    };
    let (object, permit) = admit(&state, request).await?;
    let model = model.to_owned();
    run_on_worker(&state, permit, move |state, token| {
        let instances = instances(state, &model, object)?;
        let (mut predictions, mut explanations) = (Vec::new(), Vec::new());
        for (index, instance) in instances.iter().enumerate() {
            let at_index = |error: HttpError| error.of_instance(index);
            if explains {
                predictions.push(predict(state, &model_only(instance), token).map_err(at_index)?);
                explanations.push(explain(state, instance, token).map_err(at_index)?);
            } else {
                predictions.push(predict(state, instance, token).map_err(at_index)?);
            }
        }
        Ok(Answer { predictions, explanations: explains.then_some(explanations) })
    })
    .await
}

/// The instance without the parameters of the explanation, which a prediction does not have.
fn model_only(instance: &Instance) -> Instance {
    UseCaseRequest { input: instance.input.clone(), parameters: instance.parameters.only("model") }
}

/// The predicted classes of one picture, the most likely first.
fn predict(
    state: &AppState,
    instance: &Instance,
    token: &CancellationToken,
) -> Result<Vec<ClassScore>, HttpError> {
    let use_case = Predict::check(&instance.parameters, &state.context)?;
    Ok(use_case.run(&instance.input, &state.context, &mut Job::new(token.clone()))?)
}

/// The JSON answer of `POST /gradcam` for one picture.
fn explain(
    state: &AppState,
    instance: &Instance,
    token: &CancellationToken,
) -> Result<Box<RawValue>, HttpError> {
    let use_case = GradCam::check(&instance.parameters, &state.context)?;
    let output = use_case.run(&instance.input, &state.context, &mut Job::new(token.clone()))?;
    to_raw_value(&use_case.json(&output)?).map_err(internal)
}

/// The instances under `instances`, or under `inputs`, which TensorFlow Serving uses for columns.
fn instances(
    state: &AppState,
    model: &str,
    mut object: Map<String, Value>,
) -> Result<Vec<Instance>, HttpError> {
    let given = object.remove("instances").or_else(|| object.remove("inputs"));
    let Some(Value::Array(given)) = given else {
        let text = "the body has no list of instances; send \
                    {\"instances\": [{\"image\": {\"b64\": \"…\"}}, …]}";
        return Err(HttpError::InvalidJson(text.to_owned()));
    };
    // TensorFlow Serving's key. There is only one signature, so its name is ignored.
    object.remove("signature_name");
    if let Some(key) = object.keys().next() {
        let text = format!("the key {key:?} is unknown; parameters belong in each instance");
        return Err(HttpError::InvalidJson(text));
    }
    check_count(state, "instances", given.len())?;
    let read = |(index, value)| {
        let mut parameters = Parameters::default();
        parameters.push("model", model)?;
        match instance(&value, &mut parameters) {
            Ok(input) => Ok(UseCaseRequest { input, parameters }),
            Err(error) => Err(error.of_instance(index)),
        }
    };
    given.into_iter().enumerate().map(read).collect()
}
