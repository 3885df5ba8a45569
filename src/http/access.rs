use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::error::HttpError;

/// The API keys, and the origins whose pages may call the API. By default, no key is needed and no
/// other origin is allowed.
#[derive(Clone, Default)]
pub struct Access {
    keys: Vec<Box<[u8]>>,
    origins: Vec<HeaderValue>,
}

/// Prints the number of keys and never the keys.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access {{ {} keys, origins: {:?} }}", self.keys.len(), self.origins)
    }
}

/// An API key or an origin of the configuration is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A key is short enough to guess.
    #[error(
        "API key {number} has {length} characters, but at least {MIN_KEY_LENGTH} are needed; \
         `openssl rand -hex 16` makes a good one"
    )]
    ShortKey {
        /// The position of the key, from 1.
        number: usize,
        /// Its length in characters.
        length: usize,
    },
    /// The text is not an origin.
    #[error("{0:?} is not an origin; write it as https://example.org, or * for every origin")]
    Origin(String),
}

/// The fewest characters of an API key.
const MIN_KEY_LENGTH: usize = 16;

/// The request headers that a page of another origin may set.
const REQUEST_HEADERS: [&str; 6] =
    ["accept", "authorization", "content-type", "traceparent", "x-api-key", "x-request-id"];

/// The response headers that a page of another origin may read.
const RESPONSE_HEADERS: [&str; 11] = [
    "convscope-class",
    "convscope-dead-channels",
    "convscope-empty",
    "convscope-layer",
    "convscope-method",
    "convscope-model",
    "convscope-probability",
    "convscope-saturated",
    "retry-after",
    "server-timing",
    "x-request-id",
];

impl Access {
    /// Requires one of `keys`, unless there are none, and allows pages of `origins`.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn new(keys: &[String], origins: &[String]) -> Result<Self, AccessError> {
        for (index, key) in keys.iter().enumerate() {
            if key.len() < MIN_KEY_LENGTH {
                return Err(AccessError::ShortKey { number: index + 1, length: key.len() });
            }
        }
        let keys = keys.iter().map(|key| key.as_bytes().into()).collect();
        let origins = origins.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(Self { keys, origins })
    }

    /// Whether a request with these headers has a valid key, or needs none. Each key is compared in
    /// constant time, so that response times reveal nothing but lengths.
    fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(given) = given_key(headers) else { return self.keys.is_empty() };
        let is_equal = |key: &[u8]| bool::from(key.ct_eq(given));
        self.keys.is_empty() || self.keys.iter().filter(|key| is_equal(key.as_ref())).count() > 0
    }

    /// The CORS layer, where other origins are allowed.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        let any = self.origins.iter().any(|origin| origin == "*");
        let allowed = match self.origins.as_slice() {
            [] => return None,
            _ if any => AllowOrigin::any(),
            some => AllowOrigin::list(some.iter().cloned()),
        };
        let names = |names: &[&'static str]| -> Vec<HeaderName> {
            names.iter().map(|name| HeaderName::from_static(name)).collect()
        };
        Some(
            CorsLayer::new()
                .allow_origin(allowed)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers(names(&REQUEST_HEADERS))
                .expose_headers(names(&RESPONSE_HEADERS))
                .max_age(std::time::Duration::from_secs(3600)),
        )
    }
}

fn origin(text: &str) -> Result<HeaderValue, AccessError> {
    let error = || AccessError::Origin(text.to_owned());
    let is_origin = |text: &str| {
        let uri = text.parse::<axum::http::Uri>().ok();
        uri.is_some_and(|uri| {
            uri.scheme().is_some() && uri.path_and_query().is_none_or(|it| it == "/")
        }) && !text.ends_with('/')
    };
    if text != "*" && !is_origin(text) {
        return Err(error());
    }
    HeaderValue::from_str(text).map_err(|_| error())
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
    State(access): State<Arc<Access>>,
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

    #[test]
    fn a_text_that_is_not_an_origin_is_refused() {
        let of = |origin: &str| Access::new(&[], &[origin.to_owned()]);
        for good in ["*", "https://example.org", "http://localhost:3000"] {
            assert!(of(good).is_ok(), "{good}");
        }
        for bad in ["", "example.org", "https://example.org/", "https://example.org/page", "a b"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
