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
    let begun = Instant::now();
    let (reply, mut answer) = oneshot::channel();
    // The receiver is gone if the server stops. Then nobody needs the result.
    let work = move || drop(reply.send(work()));
    let started = thread::Builder::new().name("models".to_owned()).spawn(work);
    started.map_err(|error| format!("{name}: {error}"))?;
    loop {
        match tokio::time::timeout(REPORT_INTERVAL, &mut answer).await {
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
        loader.check_folder()?;
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
