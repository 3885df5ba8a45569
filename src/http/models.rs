use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use super::app_state::AppState;
use super::error::HttpError;
use super::model_name::{ModelName, NamedModel};
use super::query::{query_parameters, refuse_parameters};
use crate::runtime::CancellationToken;
use crate::service::{GradientFile, model_description, model_list};

/// `GET /models`.
pub(super) async fn models(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, HttpError> {
    state.require_loaded()?;
    refuse_parameters(&uri)?;
    Ok(Json(model_list(&state.context.models.now())).into_response())
}

/// `GET /models/{model}`.
pub(super) async fn model(NamedModel(classifier): NamedModel) -> Response {
    Json(model_description(&classifier)).into_response()
}

/// `GET /models/{model}/gradient`: the derived gradient graph as an ONNX file.
pub(super) async fn gradient(
    State(state): State<Arc<AppState>>,
    ModelName(name): ModelName,
    uri: Uri,
) -> Result<Response, HttpError> {
    state.require_loaded()?;
    let parameters = query_parameters(&uri)?;
    let classifier = state.context.models.get(Some(&name))?;
    let permit = state.admit()?;
    let shared = Arc::clone(&state);
    let work = move |_: &CancellationToken| {
        shared.unread.check()?;
        Ok::<_, HttpError>(GradientFile::check(&parameters, classifier)?.encode()?)
    };
    let file = state.workers.run(permit, state.cancellation_token(), work).await??;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"gradient.onnx\""),
    ];
    Ok((headers, file).into_response())
}
