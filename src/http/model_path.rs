use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::HttpError;

/// The model's name in a path.
pub(super) struct ModelPath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ModelPath {
    type Rejection = HttpError;

    /// What is percent-encoded and no UTF-8 names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let none = |_| HttpError::NoRoute { path: parts.uri.path().to_owned() };
        name.map(|Path(name)| Self(name)).map_err(none)
    }
}
