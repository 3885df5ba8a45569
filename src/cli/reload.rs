//! Reloading the models while the server runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::config::ModelsConfig;
use crate::http::AppState;
use crate::runtime::{Engine, Fingerprint};
use crate::service::{LoadError, LoadedModels};

/// Loads the models of the models folder.
#[derive(Debug, Clone)]
pub(super) struct ModelLoader {
    pub(super) config: ModelsConfig,
    pub(super) engine: Engine,
}

impl ModelLoader {
    /// Loads all models.
    ///
    /// # Errors
    /// [`LoadError`] of the first model that cannot be loaded.
    pub(super) fn load(&self) -> Result<LoadedModels, LoadError> {
        LoadedModels::load(&self.config.folder, &self.config.default_model, &self.engine)
    }

    /// Loads the models whose files have changed, or all of them, and keeps the rest of `old`.
    fn reload(&self, old: &LoadedModels, all: bool) -> Result<LoadedModels, LoadError> {
        old.reloaded(&self.config.folder, &self.config.default_model, &self.engine, all)
    }

    /// The fingerprint of the models folder.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_folder(&self.config.folder)
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
) {
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
    spawn_blocking(move || loader.fingerprint()).await.unwrap_or_default()
}

async fn reload(state: &Arc<AppState>, loader: &ModelLoader, all: bool) {
    let (shared, loader) = (Arc::clone(state), loader.clone());
    let reloading = spawn_blocking(move || loader.reload(&shared.context.models.current(), all));
    let is_complete = match reloading.await {
        Ok(Ok(models)) => {
            let (loaded, refused) = (models.iter().count(), models.refused().len());
            for refused in models.refused() {
                let (model, error) = (&refused.name, &refused.error);
                tracing::error!(model, %error, "model not reloaded");
            }
            state.context.models.replace(models);
            tracing::info!(models = loaded, refused, "models reloaded");
            refused == 0
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "models not reloaded; the old ones stay in use");
            false
        }
        Err(error) => {
            tracing::error!(%error, "reloading the models panicked; the old ones stay in use");
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
