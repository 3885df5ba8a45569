use axum::http::HeaderValue;
use axum::response::Response;

use crate::service::Stages;

/// Tells the caller, by the header `Server-Timing`, how long each stage took. Log, metrics and
/// traces read the stages from the response's extensions.
pub(super) fn add_server_timing(response: &mut Response, stages: Stages) {
    if let Ok(value) = HeaderValue::from_str(&stages.to_string()) {
        response.headers_mut().insert("server-timing", value);
    }
    response.extensions_mut().insert(stages);
}
