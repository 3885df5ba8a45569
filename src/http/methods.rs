use axum::Json;
use axum::http::Uri;

use super::error::HttpError;
use super::query::refuse_parameters;
use crate::service::{MethodDescription, method_list};

/// `GET /methods`.
pub(super) async fn methods(uri: Uri) -> Result<Json<Vec<MethodDescription>>, HttpError> {
    refuse_parameters(&uri)?;
    Ok(Json(method_list()))
}
