//! The conventions of KServe, so that convscope can stand behind it as predictor or explainer:
//! its protocol V1 (TensorFlow Serving's with `:explain`) and V2 (the Open Inference Protocol).

mod v1;
mod v2;

pub(super) use v1::{allowed as v1_allowed, models as v1_models, run as v1_run};
pub(super) use v2::{
    infer as v2_infer, live as v2_live, metadata as v2_metadata, model as v2_model,
    ready as v2_ready,
};

use std::pin::pin;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use serde_json::{Map, Value, json};

use super::HttpError;
use super::answering::arrive;
use super::app::AppState;
use super::path_name::PathName;
use super::routes::named;
use super::submission::{collect_json, refuse_early};
use crate::runtime::{CancellationToken, Permit};

/// `GET /v1/models/{model}` and `GET /v2/models/{model}/ready`: what is loaded is ready.
pub(super) async fn model_ready(
    State(app): State<Arc<AppState>>,
    PathName(name): PathName,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let classifier = named(&app, &name, &uri)?;
    Ok(Json(json!({ "name": classifier.name(), "ready": true })))
}

/// Reads a JSON object, with a place in the queue taken before.
async fn object(
    app: &AppState,
    request: Request,
) -> Result<(Map<String, Value>, Permit), HttpError> {
    app.loaded()?;
    refuse_early(request.headers(), app.limits.body_bytes)?;
    let permit = app.workers.admit()?;
    arrive(app, pin!(collect_json(request, app.limits.body_bytes)), permit).await
}

/// Runs `work` on a worker until the request's deadline.
async fn at_work(
    app: &Arc<AppState>,
    permit: Permit,
    work: impl FnOnce(&AppState, &CancellationToken) -> Result<Value, HttpError> + Send + 'static,
) -> Result<Json<Value>, HttpError> {
    let shared = Arc::clone(app);
    let work = move |token: &CancellationToken| work(&shared, token);
    app.workers.run(permit, app.deadline(), work).await?.map(Json)
}

/// The pictures of one request, within the limit.
fn several<T>(app: &AppState, of: &'static str, pictures: Vec<T>) -> Result<Vec<T>, HttpError> {
    let (given, limit) = (pictures.len(), app.limits.instances);
    if given == 0 {
        return Err(HttpError::Json(format!("{of} is empty; put one picture or several into it")));
    }
    if given > limit {
        return Err(HttpError::TooManyPictures { given, limit });
    }
    Ok(pictures)
}
