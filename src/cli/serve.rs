//! The server: its parts put together, its signals, its end.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use super::log::start_log;
use super::reload::{Hangups, Models, keep_renewed};
use super::{CliError, cores};
use crate::config::{AccessConfig, ServerConfig};
use crate::http::{self, Access, AppState, Phase};
use crate::runtime::{Engine, WorkerPool};
use crate::service::{Context, ForwardCache, LoadedModels};

/// Serves until a signal ends it.
pub(super) fn serve(config: &ServerConfig) -> Result<(), CliError> {
    let _log = start_log(config.log_json)?;
    let failed = |error: io::Error| CliError::Server(error.to_string());
    let threads = config.workers.map_or_else(cores, usize::from);
    let app = Arc::new(app(config, threads)?);
    let engine = Engine::start(&config.library.engine, threads).map_err(failed)?;
    let models = Models { config: config.library.clone(), engine };
    // The network needs little: the heavy work has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores().min(2))
        .enable_all()
        .build()
        .map_err(failed)?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            CliError::Server(format!("cannot listen on {}: {error}", config.listen))
        })?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(%address, threads, "listening");
        let (delay, router) = (config.http.drain_delay.duration(), http::router(Arc::clone(&app)));
        let shutdown = shutdown(Arc::clone(&app), delay);
        let serving = async {
            let served = http::serve(listener, router, &app, shutdown).await;
            served.map_err(failed)
        };
        let loading = load(Arc::clone(&app), models, config.reload_interval.duration());
        tokio::try_join!(serving, loading).map(drop)
    });
    // What is still at work after the drain timeout is not waited for.
    runtime.shutdown_background();
    served
}

/// Without models yet.
fn app(config: &ServerConfig, threads: usize) -> Result<AppState, CliError> {
    let queue = config.queue.map_or(2 * threads, usize::from);
    let workers =
        WorkerPool::start(threads, queue).map_err(|error| CliError::Server(error.to_string()))?;
    let (models, forwards) =
        (LoadedModels::empty().into(), ForwardCache::with_capacity(config.cache_bytes));
    let context = Context { models, forwards, limits: config.limits.clone() };
    let access = access(&config.access)?;
    Ok(AppState::starting(context, workers, config.http.clone(), access, Phase::Loading))
}

fn access(config: &AccessConfig) -> Result<Access, CliError> {
    let mut keys = config.api_keys.clone();
    if let Some(path) = &config.api_keys_file {
        let text = fs::read_to_string(path)
            .map_err(|cause| CliError::File { path: path.clone(), cause })?;
        let lines = text.lines().map(str::trim);
        let given = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        keys.extend(given.map(str::to_owned));
        if keys.is_empty() {
            return Err(CliError::NoKeys { path: path.clone() });
        }
    }
    Access::new(&keys, &config.cors_origins).map_err(|error| CliError::Server(error.to_string()))
}

/// Loads the models, tells that all is ready, and from then on keeps them as the folder has them.
async fn load(app: Arc<AppState>, models: Models, interval: Duration) -> Result<(), CliError> {
    let hangups = Hangups::new();
    // Before the models are read: what changes meanwhile is seen as a change.
    let fingerprint = models.fingerprint();
    let (loading, models) = (models.clone(), models);
    let loading = spawn_blocking(move || loading.load());
    let library = loading.await.map_err(|error| CliError::Server(error.to_string()))??;
    tracing::info!(models = library.iter().count(), "ready");
    app.context.models.replace(library);
    app.advance(Phase::Ready);
    tokio::spawn(keep_renewed(app, models, interval, hangups, fingerprint));
    Ok(())
}

/// Ends on SIGTERM, when `delay` has passed in which balancers notice, and on Ctrl-C at once.
async fn shutdown(app: Arc<AppState>, delay: Duration) {
    let delay = terminated().await.then_some(delay);
    app.advance(Phase::Draining);
    tokio::time::sleep(delay.unwrap_or_default()).await;
}

/// Waits for the end; tells whether it was SIGTERM.
async fn terminated() -> bool {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = interrupt => false,
                _ = terminate.recv() => true,
            };
        }
    }
    // Without a handler for Ctrl-C the system's own default ends the process.
    let _ = interrupt.await;
    false
}
