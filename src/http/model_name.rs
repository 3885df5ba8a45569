use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::app_state::AppState;
use super::error::HttpError;
use super::query::refuse_parameters;

/// Extractor: the model name in the path.
pub(super) struct ModelName(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ModelName {
    type Rejection = HttpError;

    /// A name that is not UTF-8 after percent-decoding matches no route.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let no_route = |_| HttpError::NoRoute { path: parts.uri.path().to_owned() };
        name.map(|Path(name)| Self(name)).map_err(no_route)
    }
}

/// Extractor: the model name in the path, for routes without parameters and as soon as models are
/// loaded.
pub(super) struct OnlyModelName(pub(super) String);

impl FromRequestParts<Arc<AppState>> for OnlyModelName {
    type Rejection = HttpError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, HttpError> {
        let ModelName(name) = ModelName::from_request_parts(parts, state).await?;
        state.require_loaded()?;
        refuse_parameters(&parts.uri)?;
        Ok(Self(name))
    }
}
