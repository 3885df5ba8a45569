use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use serde_json::{Map, Value, json};

use super::super::HttpError;
use super::super::app::AppState;
use super::super::path_name::PathName;
use super::super::routes::refuse_parameters;
use super::super::submission::{Submission, instance};
use super::{at_work, object, several};
use crate::runtime::CancellationToken;
use crate::service::{GradCam, Job, PictureFile, Predict, ServiceError, UseCase};

/// `GET /v1/models`.
pub(in crate::http) async fn models(
    State(app): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    app.loaded()?;
    refuse_parameters(&uri)?;
    let library = app.context.models.now();
    let names: Vec<&str> = library.iter().map(|classifier| classifier.name()).collect();
    Ok(Json(json!({ "models": names })))
}

/// The methods of what lies under `/v1/models/`.
pub(in crate::http) fn allowed(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("/v1/models/")?;
    let is_verb = name.ends_with(":predict") || name.ends_with(":explain");
    Some(if is_verb { "POST" } else { "GET,HEAD" })
}

/// `POST /v1/models/{model}:predict` and `:explain`. An instance is what `POST /predict` and
/// `POST /gradcam` take as JSON, or a list of them is refused as a whole.
pub(in crate::http) async fn run(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    refuse_parameters(&uri)?;
    let no_route = || HttpError::NoRoute { path: uri.path().to_owned() };
    let (model, verb) = name.rsplit_once(':').ok_or_else(no_route)?;
    let explains = match verb {
        "predict" => false,
        "explain" => true,
        _ => return Err(no_route()),
    };
    let (object, permit) = object(&app, request).await?;
    let model = model.to_owned();
    at_work(&app, permit, move |app, token| {
        let instances = instances(app, &model, object)?;
        let mut predictions = Vec::with_capacity(instances.len());
        let mut explanations = Vec::new();
        for (index, submission) in instances.iter().enumerate() {
            let at = |error: HttpError| error.of_instance(index);
            let prediction = prediction(app, submission, explains, token).map_err(at)?;
            predictions.push(prediction);
            if explains {
                explanations.push(answer::<GradCam>(app, submission, token).map_err(at)?);
            }
        }
        Ok(match explains {
            false => json!({ "predictions": predictions }),
            true => json!({ "predictions": predictions, "explanations": explanations }),
        })
    })
    .await
}

/// The classes of one picture, the likeliest first.
fn prediction(
    app: &AppState,
    submission: &Submission,
    explains: bool,
    token: &CancellationToken,
) -> Result<Value, HttpError> {
    // The parameters of an explanation are not those of a prediction; the model is of both.
    let mut alone = submission.clone();
    if explains {
        alone.parameters = alone.parameters.only("model");
    }
    let mut answer = answer::<Predict>(app, &alone, token)?;
    Ok(answer["predictions"].take())
}

fn answer<U: UseCase<Input = PictureFile>>(
    app: &AppState,
    submission: &Submission,
    token: &CancellationToken,
) -> Result<Value, HttpError> {
    let checked = U::check(&submission.parameters, &app.context)?;
    let output = checked.run(&submission.image, &app.context, &mut Job::new(token.clone()))?;
    serde_json::to_value(checked.json(&output)?)
        .map_err(|error| ServiceError::Internal(error.to_string()).into())
}

/// The instances under `instances`, or `inputs`, as TensorFlow Serving calls them in columns.
fn instances(
    app: &AppState,
    model: &str,
    mut object: Map<String, Value>,
) -> Result<Vec<Submission>, HttpError> {
    let given = object.remove("instances").or_else(|| object.remove("inputs"));
    let Some(Value::Array(given)) = given else {
        let expected = "expected {\"instances\": [{\"image\": {\"b64\": \"…\"}}, …]}";
        return Err(HttpError::Json(format!("there is no list of instances; {expected}")));
    };
    // TensorFlow Serving's; there is one signature here, so its name says nothing.
    object.remove("signature_name");
    if let Some(key) = object.keys().next() {
        let text = format!("there is no key {key:?} here; parameters stand in each instance");
        return Err(HttpError::Json(text));
    }
    let given = several(app, "instances", given)?;
    let read = |(index, value)| instance(value, model).map_err(|error| error.of_instance(index));
    given.into_iter().enumerate().map(read).collect()
}
