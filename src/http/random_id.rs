use std::hash::{BuildHasher, RandomState};

use axum::http::{HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};

/// Makes 128 random bits the id of a request that has none.
///
/// They are the standard library's, which asks the kernel by a system call. The crates for random
/// numbers look the call up by name; a static binary has no names, so that they would open
/// `/dev/urandom`, which an empty root does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct RandomId;

impl MakeRequestId for RandomId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let bits = || RandomState::new().hash_one(());
        let id = format!("{:016x}{:016x}", bits(), bits());
        HeaderValue::try_from(id).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_plain_and_differ() {
        let made = (0..1000).map(|_| RandomId.make_request_id(&Request::new(())).unwrap());
        let ids: HashSet<String> =
            made.map(|id| id.header_value().to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit())));
    }
}
