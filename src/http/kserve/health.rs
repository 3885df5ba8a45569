use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::model::find_model;
use crate::http::app_state::AppState;
use crate::http::error::HttpError;
use crate::http::model_name::OnlyModelName;

/// `GET /`, as clients of V1 ask whether the process is alive.
pub(in crate::http) async fn v1_live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /v2/health/live`.
pub(in crate::http) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// `GET /v2/health/ready`.
pub(in crate::http) async fn ready(
    State(state): State<Arc<AppState>>,
) -> Result<Json<Value>, HttpError> {
    state.require_ready()?;
    Ok(Json(json!({ "ready": true })))
}

/// `GET /v1/models/{model}` and `GET /v2/models/{model}/ready`. A loaded model is ready.
pub(in crate::http) async fn model_ready(
    State(state): State<Arc<AppState>>,
    OnlyModelName(name): OnlyModelName,
) -> Result<Json<Value>, HttpError> {
    find_model(&state, &name)?;
    Ok(Json(json!({ "name": name, "ready": true })))
}
