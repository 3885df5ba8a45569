use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use super::app_state::AppState;
use super::error::HttpError;
use crate::runtime::Permit;

/// A body that takes longer than this gives its place in the queue back until it has arrived. So
/// callers with slow connections do not keep others out.
const SLOW: Duration = Duration::from_secs(1);

/// Waits until a body is read, with the permit that was taken before. A slow body returns the
/// permit and takes a new one when it has arrived.
///
/// # Errors
/// Those of `reading` and of [`AppState::admit`]; [`HttpError::SlowBody`] and
/// [`HttpError::TooManySlowBodies`].
pub(super) async fn read_with_permit<T>(
    state: &AppState,
    mut reading: Pin<&mut impl Future<Output = Result<T, HttpError>>>,
    permit: Permit,
) -> Result<(T, Permit), HttpError> {
    let limits = &state.limits;
    let seconds = limits.body_timeout.min(limits.request_timeout);
    let slow = SLOW.min(seconds.duration());
    if let Ok(read) = timeout(slow, &mut reading).await {
        return Ok((read?, permit));
    }
    drop(permit);
    let Ok(_slow_body) = state.slow_bodies.try_acquire() else {
        return Err(HttpError::TooManySlowBodies { limit: limits.slow_bodies });
    };
    let rest = timeout(seconds.duration() - slow, reading).await;
    let read = rest.map_err(|_| HttpError::SlowBody { seconds })??;
    Ok((read, state.admit()?))
}
