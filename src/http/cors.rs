use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::access_error::AccessError;

/// The request headers that a page of another origin may set.
const REQUEST_HEADERS: [&str; 6] =
    ["accept", "authorization", "content-type", "traceparent", "x-api-key", "x-request-id"];

/// The response headers that a page of another origin may read.
const RESPONSE_HEADERS: [&str; 12] = [
    "convscope-class",
    "convscope-dead-channels",
    "convscope-empty",
    "convscope-offset",
    "convscope-layer",
    "convscope-method",
    "convscope-model",
    "convscope-probability",
    "convscope-saturated",
    "retry-after",
    "server-timing",
    "x-request-id",
];

/// The layer that lets pages of `origins` call the API. None where there are no origins.
pub(super) fn cors(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let any = origins.iter().any(|origin| origin == "*");
    let allowed = match origins {
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
            .max_age(Duration::from_secs(3600)),
    )
}

/// An origin of the configuration.
///
/// # Errors
/// [`AccessError::Origin`].
pub(super) fn origin(text: &str) -> Result<HeaderValue, AccessError> {
    let error = || AccessError::Origin(text.to_owned());
    let is_origin = |text: &str| {
        let uri = text.parse::<Uri>().ok();
        uri.is_some_and(|uri| {
            uri.scheme().is_some() && uri.path_and_query().is_none_or(|it| it == "/")
        }) && !text.ends_with('/')
    };
    if text != "*" && !is_origin(text) {
        return Err(error());
    }
    HeaderValue::from_str(text).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_an_origin_is_refused() {
        for good in ["*", "https://example.org", "http://localhost:3000"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in ["", "example.org", "https://example.org/", "https://example.org/page", "a b"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
