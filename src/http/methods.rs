use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use super::app_state::AppState;
use super::error::HttpError;
use super::handler::use_case;
use crate::service::{MethodsOfModel, method_list};

/// `GET /methods`. Without parameters it needs no model.
pub(super) async fn methods(
    state: State<Arc<AppState>>,
    request: Request,
) -> Result<Response, HttpError> {
    match request.uri().query() {
        None | Some("") => Ok(Json(method_list()).into_response()),
        Some(_) => use_case::<MethodsOfModel>(state, request).await,
    }
}
