//! Models renewed while the server runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::config::ModelsConfig;
use crate::http::AppState;
use crate::runtime::{Engine, Fingerprint};
use crate::service::{LoadError, LoadedModels};

/// The models folder, and how what is in it is run.
#[derive(Debug, Clone)]
pub(super) struct Models {
    pub(super) config: ModelsConfig,
    pub(super) engine: Engine,
}

impl Models {
    pub(super) fn load(&self) -> Result<LoadedModels, LoadError> {
        LoadedModels::load(&self.config.models, &self.config.default_model, &self.engine)
    }

    fn renew(&self, old: &LoadedModels, everything: bool) -> Result<LoadedModels, LoadError> {
        old.renewed(&self.config.models, &self.config.default_model, &self.engine, everything)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_folder(&self.config.models)
    }
}

/// Renews the models on SIGHUP, all of them; and when the folder has changed, those that have.
///
/// The folder is looked at every `interval`; zero never looks. A change counts when it is over:
/// when the folder looks the same twice. (Looking works everywhere; to be told of changes does not
/// on network file systems and mounted configuration.)
pub(super) async fn keep_renewed(
    app: Arc<AppState>,
    models: Models,
    interval: Duration,
    mut hangups: Hangups,
    mut loaded: Fingerprint,
) {
    let mut seen = loaded;
    loop {
        let everything = tokio::select! {
            () = hangups.next() => true,
            () = next_look(interval) => false,
        };
        let now = seen_by(&models).await;
        let is_over = now == seen;
        seen = now;
        if everything || (is_over && now != loaded) {
            renew(&app, &models, everything).await;
            loaded = now;
        }
    }
}

async fn next_look(interval: Duration) {
    if interval.is_zero() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(interval).await;
}

async fn seen_by(models: &Models) -> Fingerprint {
    let models = models.clone();
    spawn_blocking(move || models.fingerprint()).await.unwrap_or_default()
}

async fn renew(app: &Arc<AppState>, models: &Models, everything: bool) {
    let (shared, models) = (Arc::clone(app), models.clone());
    let renewing = spawn_blocking(move || models.renew(&shared.context.models.now(), everything));
    let went_well = match renewing.await {
        Ok(Ok(library)) => {
            for refused in library.refused() {
                tracing::error!(model = refused.name, error = %refused.error, "model not renewed");
            }
            let (models, refused) = (library.iter().count(), library.refused().len());
            tracing::info!(models, refused, "models renewed");
            app.context.models.replace(library);
            refused == 0
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "models not renewed; the old ones stand");
            false
        }
        Err(error) => {
            tracing::error!(%error, "renewing the models panicked; the old ones stand");
            false
        }
    };
    app.note_reload(went_well);
}

/// The SIGHUPs, where there are such. As soon as this is made, none ends the process any more.
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

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal {
            signal.recv().await;
            return;
        }
        std::future::pending().await
    }
}
