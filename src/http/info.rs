use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::HttpError;
use super::app::AppState;
use super::phase::Phase;
use super::routes::refuse_parameters;
use crate::config::{HttpLimits, Limits};
use crate::service::ServiceError;

/// `GET /info`: what runs here and what it takes.
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

/// A model that could not be renewed. Why is for the operator: it is in the log.
#[derive(Debug, Serialize)]
struct RefusedModel<'a> {
    name: &'a str,
    /// Whether an older one of this name answers.
    kept: bool,
}

#[derive(Debug, Serialize)]
struct AllLimits<'a> {
    workers: usize,
    queue: usize,
    cache_bytes: usize,
    #[serde(flatten)]
    http: &'a HttpLimits,
    #[serde(flatten)]
    answers: &'a Limits,
}

pub(super) async fn info(
    State(app): State<Arc<AppState>>,
    uri: Uri,
) -> Result<Response, HttpError> {
    refuse_parameters(&uri)?;
    let library = app.context.models.now();
    let loaded: Vec<&str> = library.iter().map(|classifier| classifier.name()).collect();
    let refused = library.refused().iter().map(|refused| {
        let name = refused.name.as_str();
        RefusedModel { name, kept: loaded.contains(&name) }
    });
    let (refused, load) = (refused.collect(), app.workers.load());
    let info = Info {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        phase: app.phase(),
        models: Models { loaded, refused },
        limits: AllLimits {
            workers: load.workers,
            queue: load.queue,
            cache_bytes: app.context.forwards.capacity(),
            http: &app.limits,
            answers: &app.context.limits,
        },
    };
    Ok(Json(info).into_response())
}

/// `GET /metrics`.
pub(super) async fn metrics(State(app): State<Arc<AppState>>) -> Result<Response, HttpError> {
    let text = app.metrics.text(app.workers.load(), &app.context.models.now());
    let text = text.map_err(|error| ServiceError::Internal(error.to_string()))?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// `GET /readyz`: whether every model has run, and the end has not begun.
pub(super) async fn readyz(State(app): State<Arc<AppState>>) -> Result<&'static str, HttpError> {
    app.ready()?;
    Ok("ready\n")
}
