use std::sync::Arc;

use axum::extract::State;

use super::app_state::AppState;
use super::error::HttpError;

/// The paths of health probes. They are answered on connections beyond the limit too, and logged at
/// level `debug`.
const PROBES: [&str; 4] = ["/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"];

/// Whether `path` is that of a health probe.
pub(super) fn is_probe(path: &str) -> bool {
    PROBES.contains(&path)
}

/// `GET /healthz`: the process is alive.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: every model is loaded and the server is not draining.
pub(super) async fn readyz(State(state): State<Arc<AppState>>) -> Result<&'static str, HttpError> {
    state.require_ready()?;
    Ok("ready\n")
}
