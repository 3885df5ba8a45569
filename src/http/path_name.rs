use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::HttpError;

/// The name in a path: a model's, or a file's of the page.
pub(super) struct PathName(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = HttpError;

    /// What is percent-encoded and no UTF-8 names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        let none = |_| HttpError::NoRoute { path: parts.uri.path().to_owned() };
        name.map(|Path(name)| Self(name)).map_err(none)
    }
}
