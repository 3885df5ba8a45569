use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::HttpError;
use super::app::AppState;

/// Who may ask: by default everybody, and no page of another origin.
#[derive(Clone, Default)]
pub struct Access {
    keys: Vec<Box<[u8]>>,
    origins: Vec<HeaderValue>,
}

/// Keys are for nobody's eyes.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access {{ {} keys, origins: {:?} }}", self.keys.len(), self.origins)
    }
}

/// What can be wrong with keys and origins; told to the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A key is too short to be a secret.
    #[error(
        "API key {number} has {length} characters; take at least {SHORTEST_KEY}, as `openssl rand -hex 16` gives"
    )]
    ShortKey {
        /// Which of them, from 1.
        number: usize,
        /// How long it is.
        length: usize,
    },
    /// An origin is none.
    #[error("{0:?} is no origin; write it as https://example.org, or * for every one")]
    Origin(String),
}

/// Characters of a key.
const SHORTEST_KEY: usize = 16;

/// A page may read these of an answer.
const EXPOSED: [&str; 11] = [
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
    /// Who sends one of `keys` may ask, or everybody where there are none; pages of `origins` may.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn new(keys: &[String], origins: &[String]) -> Result<Self, AccessError> {
        for (index, key) in keys.iter().enumerate() {
            if key.len() < SHORTEST_KEY {
                return Err(AccessError::ShortKey { number: index + 1, length: key.len() });
            }
        }
        let keys = keys.iter().map(|key| key.as_bytes().into()).collect();
        let origins = origins.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(Self { keys, origins })
    }

    /// Whether a request with these headers may ask. Every key is compared to its end, so that the
    /// time tells nothing but lengths.
    fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(given) = given_key(headers) else { return self.keys.is_empty() };
        let fits = |key: &[u8]| bool::from(key.ct_eq(given));
        self.keys.is_empty() || self.keys.iter().filter(|key| fits(key.as_ref())).count() > 0
    }

    /// What lets pages of other origins ask, where some may.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        let any = self.origins.iter().any(|origin| origin == "*");
        let allowed = match self.origins.as_slice() {
            [] => return None,
            _ if any => AllowOrigin::any(),
            some => AllowOrigin::list(some.iter().cloned()),
        };
        let sent = ["accept", "authorization", "content-type", "traceparent", "x-api-key"];
        let names = |names: &[&'static str]| -> Vec<HeaderName> {
            names.iter().map(|name| HeaderName::from_static(name)).collect()
        };
        let sent = [names(&sent), names(&["x-request-id"])].concat();
        Some(
            CorsLayer::new()
                .allow_origin(allowed)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers(sent)
                .expose_headers(names(&EXPOSED))
                .max_age(std::time::Duration::from_secs(3600)),
        )
    }
}

fn origin(text: &str) -> Result<HeaderValue, AccessError> {
    let refused = || AccessError::Origin(text.to_owned());
    let is_origin = |text: &str| {
        let uri = text.parse::<axum::http::Uri>().ok();
        uri.is_some_and(|uri| {
            uri.scheme().is_some() && uri.path_and_query().is_none_or(|it| it == "/")
        }) && !text.ends_with('/')
    };
    if text != "*" && !is_origin(text) {
        return Err(refused());
    }
    HeaderValue::from_str(text).map_err(|_| refused())
}

/// `Authorization: Bearer KEY`, or `X-API-Key: KEY`.
fn given_key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes());
    }
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key.trim_ascii())
}

/// Refuses who has no key, where one is needed.
pub(super) async fn require_key(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    if !app.access.allows(request.headers()) {
        return HttpError::Unauthorized.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_it_stands() {
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
    fn what_is_no_origin_is_refused() {
        let of = |origin: &str| Access::new(&[], &[origin.to_owned()]);
        for good in ["*", "https://example.org", "http://localhost:3000"] {
            assert!(of(good).is_ok(), "{good}");
        }
        for bad in ["", "example.org", "https://example.org/", "https://example.org/page", "a b"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
