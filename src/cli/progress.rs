//! The progress bars on standard error.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use crate::runtime::{CancellationToken, Progress};

/// Shorter computations show no bar of their passes.
const DELAY: Duration = Duration::from_secs(1);
/// The interval at which the progress is polled.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar of the pictures where there are several, and a bar of the passes for one picture. They are
/// shown where standard error is a terminal.
#[derive(Debug)]
pub(super) struct ProgressBars {
    shown: Option<MultiProgress>,
    pictures: ProgressBar,
}

impl ProgressBars {
    /// Bars for this many pictures.
    pub(super) fn new(pictures: usize) -> Self {
        let target = ProgressDrawTarget::stderr;
        let is_terminal = io::stderr().is_terminal();
        let shown = is_terminal.then(|| MultiProgress::with_draw_target(target()));
        let pictures = match &shown {
            Some(all) if pictures > 1 => {
                let bar = all.add(ProgressBar::new(pictures as u64));
                styled(bar, "{wide_bar} {pos}/{len} pictures, {eta} left")
            }
            _ => ProgressBar::hidden(),
        };
        pictures.tick();
        Self { shown, pictures }
    }

    /// Runs `work` with a token whose progress is shown.
    pub(super) fn with_passes<T>(&self, work: impl FnOnce(&CancellationToken) -> T) -> T {
        let Some(all) = &self.shown else { return work(&CancellationToken::never()) };
        let (token, progress) = CancellationToken::never().with_progress();
        // Dropping the sender tells the other thread that the work has ended, also after a panic.
        let (working, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || show(all, &progress, &ended));
            let result = work(&token);
            drop(working);
            result
        })
    }

    /// Counts a picture as done.
    pub(super) fn advance(&self) {
        self.pictures.inc(1);
    }

    /// Takes the bars from the screen while `write` writes lines.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.shown {
            Some(all) => all.suspend(write),
            None => write(),
        }
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        self.pictures.finish_and_clear();
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Follows the progress from the start, for a good estimate of the time left. The bar appears after
/// [`DELAY`].
fn show(all: &MultiProgress, progress: &watch::Receiver<Progress>, ended: &mpsc::Receiver<()>) {
    let bar = styled(ProgressBar::hidden(), "{wide_bar} {pos}/{len} passes, {eta} left");
    let mut is_added = false;
    while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if !is_added && bar.elapsed() >= DELAY {
            all.add(bar.clone());
            is_added = true;
        }
        follow(&bar, *progress.borrow());
    }
    bar.finish_and_clear();
    all.remove(&bar);
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
