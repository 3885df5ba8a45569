//! The progress bar on standard error.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use crate::runtime::{CancellationToken, Progress};

/// Shorter computations show no progress bar.
const DELAY: Duration = Duration::from_secs(1);
/// The interval at which the progress is polled.
const INTERVAL: Duration = Duration::from_millis(100);

/// Runs `work` with a token whose progress is shown on standard error, where that is a terminal.
pub(super) fn with_progress_bar<T>(work: impl FnOnce(&CancellationToken) -> T) -> T {
    if !io::stderr().is_terminal() {
        return work(&CancellationToken::never());
    }
    let (token, progress) = CancellationToken::never().with_progress();
    // Dropping the sender tells the other thread that the work has ended, also after a panic.
    let (working, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || show(&progress, &ended));
        let result = work(&token);
        drop(working);
        result
    })
}

/// Follows the progress from the start, for a good estimate of the time left. The bar appears after
/// [`DELAY`].
fn show(progress: &watch::Receiver<Progress>, ended: &mpsc::Receiver<()>) {
    let bar = ProgressBar::hidden();
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} passes, {eta} left") {
        bar.set_style(style);
    }
    while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if bar.is_hidden() && bar.elapsed() >= DELAY {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        follow(&bar, *progress.borrow());
    }
    bar.finish_and_clear();
}

/// Shows `progress`, where the computation has announced any.
fn follow(bar: &ProgressBar, Progress { done, total }: Progress) {
    if total > 0 {
        bar.set_length(total);
        bar.set_position(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_announced_passes() {
        let (token, progress) = CancellationToken::never().with_progress();
        let bar = ProgressBar::hidden();
        let shown = || {
            follow(&bar, *progress.borrow());
            (bar.position(), bar.length())
        };
        assert_eq!(shown(), (0, None));
        token.announce(40);
        token.tick().unwrap();
        assert_eq!(shown(), (1, Some(40)));
        token.announce(2);
        token.tick().unwrap();
        assert_eq!(shown(), (2, Some(42)));
    }
}
