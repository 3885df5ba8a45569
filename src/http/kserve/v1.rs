use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::inference::{admit, check_count, internal, json_response, run_on_worker};
use super::model::{find_model, model_names};
use crate::config::{Parameters, excerpt};
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::json_body::{instance, object};
use crate::http::json_entries::{EntriesError, for_each_item};
use crate::http::model_name::ModelName;
use crate::http::query::refuse_parameters;
use crate::http::request_input::UseCaseRequest;
use crate::service::{AnswerSize, GradCam, Job, OutputFormat, PictureFile, Predict, UseCase};

/// `GET /v1/models`.
pub(in crate::http) async fn models(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    state.require_loaded()?;
    refuse_parameters(&uri)?;
    Ok(Json(json!({ "models": model_names(&state) })))
}

/// The methods of a path under `/v1/models/`, for the `Allow` header.
pub(in crate::http) fn allowed_methods(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("/v1/models/")?;
    let has_verb = name.ends_with(":predict") || name.ends_with(":explain");
    Some(if has_verb { "POST" } else { "GET,HEAD" })
}

/// The answer of `:predict` and `:explain`, one entry per instance.
#[derive(Debug, Serialize)]
struct InstanceResults {
    predictions: Vec<Box<RawValue>>,
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
    let (body, admission) = admit(&state, request).await?;
    let model = model.to_owned();
    run_on_worker(&state, admission, move |state, job| {
        let classifier = find_model(state, &model)?;
        let instances = instances(state, classifier.name(), &body)?;
        drop(body);
        let (mut predictions, mut explanations) = (Vec::new(), Vec::new());
        let mut size = AnswerSize::with_limit(state.context.limits.output_bytes);
        let mut add = |answers: &mut Vec<Box<RawValue>>, answer: Box<RawValue>| {
            size.add(answer.get().len() as u64, "send fewer instances")?;
            answers.push(answer);
            Ok::<_, HttpError>(())
        };
        for (index, instance) in instances.iter().enumerate() {
            let at_index = |error: HttpError| error.of_instance(index);
            if explains {
                let scores = predict(state, &prediction_of(instance), job).map_err(at_index)?;
                add(&mut predictions, scores)?;
                let explanation = explain(state, instance, job).map_err(at_index)?;
                add(&mut explanations, explanation)?;
            } else {
                add(&mut predictions, predict(state, instance, job).map_err(at_index)?)?;
            }
            job.stages.end("encode");
        }
        json_response(&InstanceResults {
            predictions,
            explanations: explains.then_some(explanations),
        })
    })
    .await
}

/// The instance without the parameters of the explanation, which a prediction does not have.
fn prediction_of(instance: &Instance) -> Instance {
    let parameters = instance.parameters.only(&["model", "preset"]);
    UseCaseRequest { input: instance.input.clone(), parameters }
}

/// The predicted classes of one picture, the most likely first.
fn predict(
    state: &AppState,
    instance: &Instance,
    job: &mut Job,
) -> Result<Box<RawValue>, HttpError> {
    let use_case = Predict::check(&instance.parameters, &state.context)?;
    use_case.check_format(OutputFormat::Json)?;
    let scores = use_case.run(&instance.input, &state.context, job)?;
    to_raw_value(&scores).map_err(internal)
}

/// The JSON answer of `POST /gradcam` for one picture.
fn explain(
    state: &AppState,
    instance: &Instance,
    job: &mut Job,
) -> Result<Box<RawValue>, HttpError> {
    let use_case = GradCam::check(&instance.parameters, &state.context)?;
    use_case.check_format(OutputFormat::Json)?;
    let output = use_case.run(&instance.input, &state.context, job)?;
    to_raw_value(&use_case.json(&output)?).map_err(internal)
}

/// The instances under `instances`, or under `inputs`, which TensorFlow Serving uses for columns.
fn instances(state: &AppState, model: &str, body: &[u8]) -> Result<Vec<Instance>, HttpError> {
    let invalid = |text: &str| HttpError::InvalidJson(text.to_owned());
    let mut list = None;
    object("the body", body, |key, value| match key.as_str() {
        "instances" | "inputs" => match list.replace(value) {
            None => Ok(()),
            Some(_) => Err(invalid("the body has two lists of instances; send one")),
        },
        // TensorFlow Serving's key. There is only one signature, so its name is ignored.
        "signature_name" => Ok(()),
        _ => {
            let key = excerpt(&key);
            Err(invalid(&format!("the key {key:?} is unknown; parameters belong in each instance")))
        }
    })?;
    let no_list = || {
        invalid(
            "the body has no list of instances; send \
             {\"instances\": [{\"b64\": \"…\"}, …]}",
        )
    };
    let list = list.ok_or_else(no_list)?;
    let mut given = 0;
    let count = for_each_item(list, |_| {
        given += 1;
        Ok(())
    });
    count.map_err(|_| no_list())?;
    check_count(state, "instances", given)?;
    let mut instances = Vec::with_capacity(given);
    let read = for_each_item(list, |value| {
        let mut parameters = Parameters::default();
        parameters.push("model", model)?;
        let input = instance(value, &mut parameters);
        let input = input.map_err(|error| error.of_instance(instances.len()))?;
        instances.push(UseCaseRequest { input, parameters });
        Ok(())
    });
    match read {
        Err(EntriesError::Refused(error)) => Err(error),
        _ => Ok(instances),
    }
}
