use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::CorsLayer;

use super::access_error::AccessError;
use super::api_key::ApiKey;
use super::cors;
use super::error::HttpError;

/// The API keys, and the origins whose pages may call the API. By default, no key is needed and no
/// other origin is allowed. Clones share the keys.
#[derive(Debug, Clone, Default)]
pub struct Access {
    keys: Arc<RwLock<Vec<ApiKey>>>,
    origins: Vec<HeaderValue>,
}

impl Access {
    /// Requires one of `keys`, unless there are none, and allows pages of `origins`. Each of `keys`
    /// is `KEY`, `NAME:KEY` or `NAME = KEY`.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn new(keys: &[String], origins: &[String]) -> Result<Self, AccessError> {
        let origins = origins.iter().map(|text| cors::origin(text)).collect::<Result<_, _>>()?;
        let access = Self { keys: Arc::default(), origins };
        access.replace_keys(keys)?;
        Ok(access)
    }

    /// Requires one of `keys` from now on, as [`new`](Self::new) does.
    ///
    /// # Errors
    /// [`AccessError::ShortKey`]. The keys then stay as they were.
    pub fn replace_keys(&self, keys: &[String]) -> Result<(), AccessError> {
        let keys = keys.iter().enumerate().map(|(index, key)| ApiKey::parse(key, index + 1));
        let keys = keys.collect::<Result<_, _>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Whether a request with these headers has a valid key, or needs none.
    fn allows(&self, headers: &HeaderMap) -> bool {
        let is_open = self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty();
        is_open || self.key_name(headers).is_some()
    }

    /// The name of the valid key in these headers.
    pub(super) fn key_name(&self, headers: &HeaderMap) -> Option<String> {
        let given = given_key(headers)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        // Every key is compared, so that the time does not tell which one is right.
        let found = keys.iter().filter(|key| key.is(given)).fold(None, |_, key| Some(key));
        found.map(|key| key.name.clone())
    }

    /// The CORS layer, where other origins are allowed.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        cors::cors(&self.origins)
    }
}

/// The key in `Authorization: Bearer KEY` or in `X-API-Key: KEY`.
fn given_key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes());
    }
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key.trim_ascii())
}

/// Middleware: answers 401 to a request without a valid key, where keys are configured.
pub(super) async fn require_key(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    if !access.allows(request.headers()) {
        return HttpError::Unauthorized.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_either_header() {
        let access = Access::new(&["0123456789abcdef".to_owned()], &[]).unwrap();
        let cases = [
            ("authorization", "Bearer 0123456789abcdef", true),
            ("authorization", "bearer  0123456789abcdef", true),
            ("authorization", "Basic 0123456789abcdef", false),
            ("authorization", "Bearer", false),
            ("authorization", "Bearer 0123456789abcdeX", false),
            ("x-api-key", "0123456789abcdef", true),
            ("x-api-key", "0123456789abcde", false),
            ("x-api-key", "", false),
            ("cookie", "0123456789abcdef", false),
        ];
        for (name, value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(access.allows(&headers), expected, "{name}: {value}");
        }
        assert!(Access::default().allows(&HeaderMap::new()));
    }
}
