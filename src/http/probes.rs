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

/// `GET /readyz`: the models are loaded and the server is not draining. The answer names the models
/// that could not be loaded.
pub(super) async fn readyz(State(state): State<Arc<AppState>>) -> Result<String, HttpError> {
    state.require_ready()?;
    let models = state.context.models.current();
    let refused: Vec<&str> = models.refused().iter().map(|it| it.name.as_str()).collect();
    Ok(match refused.as_slice() {
        [] => "ready\n".to_owned(),
        refused => format!("ready\nrefused: {}\n", refused.join(", ")),
    })
}
