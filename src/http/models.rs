use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::app_state::AppState;
use super::error::HttpError;
use super::model_name::OnlyModelName;
use super::query::refuse_parameters;
use crate::service::{model_description, model_list};

/// `GET /models`.
pub(super) async fn models(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, HttpError> {
    state.require_loaded()?;
    refuse_parameters(&uri)?;
    Ok(Json(model_list(&state.context.models.current())).into_response())
}

/// `GET /models/{model}`.
pub(super) async fn model(
    State(state): State<Arc<AppState>>,
    OnlyModelName(name): OnlyModelName,
) -> Result<Response, HttpError> {
    let models = state.context.models.current();
    let classifier = models.get(Some(&name)).map_err(HttpError::from)?;
    Ok(Json(model_description(classifier)).into_response())
}
