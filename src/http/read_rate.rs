use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::unread_bytes::UnreadBytes;
use crate::config::HttpLimits;

/// How often the rate is compared with the least one.
const INTERVAL: Duration = Duration::from_secs(1);
/// While the limit of unread bytes is reached, the least rate is this many times as high.
const HURRY: u64 = 16;
/// The time that an answer has before the higher rate applies to it.
const HURRY_AFTER: Duration = Duration::from_secs(2);

/// The rate at which a peer reads its answers. Only the time counts in which bytes wait for it.
///
/// The peer must read at the least rate in each period of the write timeout. A shorter period would
/// be too strict, because the kernel takes the bytes of a slow peer in large blocks.
#[derive(Debug)]
pub(super) struct ReadRate {
    least: u64,
    period: Duration,
    unread: UnreadBytes,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: Option<Waiting>,
}

/// Since when bytes wait for the peer, and how many it has read since then.
#[derive(Debug)]
struct Waiting {
    all: Count,
    in_period: Count,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    bytes: u64,
}

impl Count {
    /// Whether it is less than `rate` bytes a second.
    fn is_below(&self, rate: u64, now: Instant) -> bool {
        let seconds = (now - self.since).as_secs_f64();
        (self.bytes as f64) < rate as f64 * seconds
    }
}

impl ReadRate {
    pub(super) fn new(limits: &HttpLimits, unread: UnreadBytes) -> Self {
        let (least, period) = (limits.read_rate.into(), limits.write_timeout.duration());
        Self { least, period, unread, timer: None, waiting: None }
    }

    /// Whether bytes wait for the peer.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The connection took `bytes` further bytes.
    pub(super) fn add(&mut self, bytes: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.all.bytes += bytes as u64;
            waiting.in_period.bytes += bytes as u64;
        }
    }

    /// No bytes wait any more.
    pub(super) fn stop(&mut self) {
        self.waiting = None;
    }

    /// Called when the connection takes no bytes. Ready when the peer reads too slowly.
    pub(super) fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let interval = INTERVAL.min(self.period);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now())));
        let waiting = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            timer.as_mut().reset(now + interval);
            let all = Count { since: now, bytes: 0 };
            Waiting { all, in_period: all }
        });
        loop {
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            timer.as_mut().reset(now + interval);
            let hurry = self.unread.is_exhausted() && now - waiting.all.since >= HURRY_AFTER;
            if hurry && waiting.all.is_below(HURRY * self.least, now) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            if now - waiting.in_period.since >= self.period {
                if waiting.in_period.is_below(self.least, now) {
                    return Poll::Ready(io::ErrorKind::TimedOut.into());
                }
                waiting.in_period = Count { since: now, bytes: 0 };
            }
        }
    }
}
