use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::app_state::AppState;
use super::error::HttpError;
use super::phase::Phase;
use super::query::refuse_parameters;
use crate::config::{HttpLimits, Limits, ModelLimits};

/// The answer of `GET /info`: version, phase, models and limits.
#[derive(Debug, Serialize)]
struct Info<'a> {
    name: &'static str,
    version: &'static str,
    phase: Phase,
    models: Models<'a>,
    limits: AllLimits<'a>,
}

#[derive(Debug, Serialize)]
struct Models<'a> {
    loaded: Vec<&'a str>,
    refused: Vec<RefusedModel<'a>>,
}

/// A model that could not be loaded. The cause is in the log, which only the operator can read.
#[derive(Debug, Serialize)]
struct RefusedModel<'a> {
    name: &'a str,
    /// Whether an older version of this model is still in use.
    kept: bool,
}

#[derive(Debug, Serialize)]
struct AllLimits<'a> {
    workers: usize,
    queue: usize,
    cache_bytes: usize,
    #[serde(flatten)]
    models: &'a ModelLimits,
    #[serde(flatten)]
    http: &'a HttpLimits,
    #[serde(flatten)]
    answers: &'a Limits,
}

/// `GET /info`.
pub(super) async fn info(
    State(state): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    let models = state.context.models.current();
    let loaded: Vec<&str> = models.iter().map(|classifier| classifier.name()).collect();
    let refused = models.refused().iter().map(|refused| {
        let name = refused.name.as_str();
        RefusedModel { name, kept: loaded.contains(&name) }
    });
    let (refused, load) = (refused.collect(), state.workers.load());
    let info = Info {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        phase: state.phase(),
        models: Models { loaded, refused },
        limits: AllLimits {
            workers: load.workers,
            queue: load.queue,
            cache_bytes: state.context.forwards.capacity(),
            models: &state.model_limits,
            http: &state.limits,
            answers: &state.context.limits,
        },
    };
    Ok(Json(info).into_response())
}
