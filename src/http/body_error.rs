use std::error::Error;
use std::io::ErrorKind;

use http_body_util::LengthLimitError;

use super::error::HttpError;

/// Why a body of at most `limit` bytes could not be read to its end.
pub(super) fn body_error(error: &(dyn Error + 'static), limit: usize) -> HttpError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return HttpError::BodyTooLarge { limit };
        }
        if is_aborted(error) {
            return HttpError::AbortedBody;
        }
        cause = error.source();
    }
    HttpError::UnreadableBody(error.to_string())
}

/// Whether the connection was closed before the end of the body.
fn is_aborted(cause: &(dyn Error + 'static)) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let http = cause.downcast_ref::<hyper::Error>();
    io.is_some_and(|kind| {
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    }) || http.is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
}
