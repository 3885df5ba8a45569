use std::hash::{BuildHasher, RandomState};

use axum::extract::Request;
use axum::http::{Extensions, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::{MakeRequestId, RequestId};

/// Gives 128 random bits as its id to a request that has none.
///
/// The bits come from the standard library, which asks the kernel by a system call. The crates for
/// random numbers look that call up by its symbol name. A static binary has no symbols to look up,
/// so they would open `/dev/urandom`, which an empty root file system does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let bits = || RandomState::new().hash_one(());
        let id = format!("{:016x}{:016x}", bits(), bits());
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

/// The id of the request that these extensions belong to.
pub(super) fn request_id(extensions: &Extensions) -> Option<String> {
    let id = extensions.get::<RequestId>()?;
    id.header_value().to_str().ok().map(str::to_owned)
}

/// Middleware: removes a caller's request id unless it is 1 to 128 letters, digits, `-`, `_`
/// and `.`. The request then gets a new one.
pub(super) async fn drop_invalid_request_id(mut request: Request, next: Next) -> Response {
    let is_valid = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=128).contains(&bytes.len()) && bytes.iter().all(is_allowed)
    };
    if request.headers().get("x-request-id").is_some_and(|value| !is_valid(value)) {
        request.headers_mut().remove("x-request-id");
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn generated_ids_are_32_hexadecimal_digits_and_differ() {
        let request = axum::http::Request::new(());
        let ids = (0..1000).map(|_| RandomId.make_request_id(&request).unwrap());
        let ids: HashSet<String> =
            ids.map(|id| id.header_value().to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit())));
    }
}
