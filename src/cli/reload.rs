//! Reloading the models while the server runs.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::http::AppState;
use crate::runtime::Fingerprint;
use crate::service::{LoadError, ModelLoader};

/// How often the log says that work on the models has not ended.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Does `work` on a thread of its own, and waits for it. `name` says in the log what is done.
///
/// A file system that does not answer blocks that thread and nothing else. When the thread ends,
/// the allocator returns the memory that loading has freed to the system.
///
/// # Errors
/// Why there is no result: the system refuses a thread, or the work panicked.
pub(super) async fn load_thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    reported_thread(name, REPORT_INTERVAL, work).await
}

/// As [`load_thread`]. The log says every `interval` that the work has not ended.
async fn reported_thread<T: Send + 'static>(
    name: &'static str,
    interval: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let begun = Instant::now();
    let (reply, mut answer) = oneshot::channel();
    // The receiver is gone if the server stops. Then nobody needs the result.
    let work = move || drop(reply.send(work()));
    let started = thread::Builder::new().name("models".to_owned()).spawn(work);
    started.map_err(|error| format!("{name}: {error}"))?;
    loop {
        match tokio::time::timeout(interval, &mut answer).await {
            Ok(result) => return result.map_err(|_| format!("{name} panicked")),
            Err(_) => {
                let seconds = begun.elapsed().as_secs();
                tracing::warn!(seconds, "{name} has not ended; the models in use go on serving");
            }
        }
    }
}

/// Reloads the changed models when the models folder has changed, and all models on SIGHUP. It
/// never returns.
///
/// The folder is polled every `interval`; zero turns polling off. A change takes effect when two
/// polls in a row see the same files, so that files are not read while they are being written.
/// Polling works everywhere, whereas change notifications do not work on network file systems and
/// mounted configuration. `loaded` is the fingerprint of the models that are in use.
pub(super) async fn reload_models(
    state: Arc<AppState>,
    loader: ModelLoader,
    interval: Duration,
    mut hangups: Hangups,
    mut loaded: Fingerprint,
) -> Infallible {
    let mut previous = loaded;
    loop {
        let all = tokio::select! {
            () = hangups.next() => true,
            () = next_poll(interval) => false,
        };
        let current = fingerprint(&loader).await;
        let is_stable = current == previous;
        previous = current;
        if all || (is_stable && current != loaded) {
            reload(&state, &loader, all).await;
            loaded = current;
        }
    }
}

async fn next_poll(interval: Duration) {
    if interval.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(interval).await;
}

async fn fingerprint(loader: &ModelLoader) -> Fingerprint {
    let loader = loader.clone();
    let read = load_thread("reading the models folder", move || loader.fingerprint());
    read.await.unwrap_or_default()
}

async fn reload(state: &Arc<AppState>, loader: &ModelLoader, all: bool) {
    let (shared, loader) = (Arc::clone(state), loader.clone());
    let reload = move || -> Result<(), LoadError> {
        loader.check_place()?;
        loader.reload(&shared.context.models, all)
    };
    let reloaded = load_thread("reloading the models", reload).await;
    let is_complete = match reloaded.and_then(|reloaded| reloaded.map_err(|it| it.to_string())) {
        Ok(()) => {
            let models = state.context.models.current();
            let (loaded, refused) = (models.iter().count(), models.refused().len());
            tracing::info!(models = loaded, refused, "models reloaded");
            refused == 0
        }
        Err(error) => {
            tracing::error!(error, "models not reloaded; the old ones stay in use");
            false
        }
    };
    state.count_reload(is_complete);
}

/// The SIGHUP signals, on Unix. While it exists, SIGHUP does not end the process.
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal {
            signal.recv().await;
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::cli::log::captured::CapturedLog;

    #[tokio::test]
    async fn the_log_says_again_and_again_that_work_has_not_ended() {
        let (log, subscriber) = CapturedLog::new();
        let _guard = tracing::subscriber::set_default(subscriber);
        let (end, is_ended) = mpsc::channel();
        let work = move || is_ended.recv().is_ok();
        let working = reported_thread("reloading the models", Duration::from_millis(5), work);
        let waiting = async {
            while log.lines().len() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            end.send(()).unwrap();
        };
        let both = async { tokio::join!(working, waiting) };
        let (result, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
        assert_eq!(result, Ok(true));
        for line in log.lines() {
            let says = "reloading the models has not ended; the models in use go on serving";
            assert_eq!((&line["message"], &line["level"]), (&says.into(), &"WARN".into()));
        }
    }

    #[tokio::test]
    async fn a_panic_while_loading_is_an_error() {
        let result = load_thread::<()>("reloading the models", || panic!("on purpose")).await;
        assert_eq!(result, Err("reloading the models panicked".to_owned()));
    }
}
