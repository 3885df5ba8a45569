//! `convscope serve`: starts the server, handles its signals, and shuts it down.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, value_parser};
use tokio::net::TcpListener;

use super::cores::cores;
use super::error::CliError;
use super::keys::{access, reread_keys};
use super::log::start_log;
use super::open_files::{connections_within, raise_open_files};
use super::reload::{Hangups, load_thread, reload_models};
use crate::config::{HttpLimits, ServerConfig};
use crate::http::{self, AppState, Phase};
use crate::runtime::{Engine, Fingerprint, WorkerPool};
use crate::service::{Context, ForwardCache, LoadError, LoadedModels, ModelLoader};

/// The argument of the command `serve`.
pub(super) fn served_model() -> Arg {
    Arg::new("MODEL").value_parser(value_parser!(PathBuf)).help(
        "An .onnx file or a model folder that is served alone, in place of those in the models \
         folder",
    )
}

/// Serves `model` alone, or the models folder, until a signal stops it.
///
/// # Errors
/// [`CliError`] where the configuration is wrong, a model cannot be loaded, or an address is in
/// use.
pub(super) fn serve(config: &ServerConfig, model: Option<&PathBuf>) -> Result<(), CliError> {
    let _log = start_log(config.log_json)?;
    let failed = |error: io::Error| CliError::Server(error.to_string());
    let threads = config.threads(cores());
    let state = Arc::new(loading_state(config, threads)?);
    let engine = Engine::start(&config.models.engine, threads).map_err(failed)?;
    let models = &config.models;
    let loader = match model {
        Some(model) => ModelLoader::of_model(model, engine),
        None => ModelLoader::new(&models.folder, &models.default_model, engine),
    };
    // Two threads are enough for the network, since computations have threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores().min(2))
        .enable_all()
        .build()
        .map_err(failed)?;
    let served = runtime.block_on(async {
        if let Some(address) = config.listen.admin_listen {
            let listener = listen(address).await?;
            let address = listener.local_addr().map_err(failed)?;
            tracing::info!(%address, "admin listening");
            // It ends with the runtime, after the main listener has drained.
            tokio::spawn(http::serve_admin(listener, Arc::clone(&state)));
        }
        let listener = listen(config.listen.address()).await?;
        let address = listener.local_addr().map_err(failed)?;
        tracing::info!(%address, url = link(address), threads, "listening");
        let router = http::router(Arc::clone(&state));
        let shutdown = shutdown(Arc::clone(&state), config.http.drain_delay.duration());
        tokio::spawn(reread_keys(Arc::clone(&state), config.access.clone(), Hangups::new()));
        let serving = async {
            let served = http::serve(listener, router, &state, shutdown).await;
            served.map_err(failed)
        };
        let loading = load_models(Arc::clone(&state), loader, config);
        tokio::select! {
            served = serving => served,
            failed = loading => failed.map(|endless| match endless {}),
        }
    });
    // Computations that outlast the drain timeout are abandoned.
    runtime.shutdown_background();
    served
}

/// The page's address, as a browser on this machine opens it. Terminals make it a link.
fn link(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| CliError::Server(format!("cannot listen on {address}: {error}")))
}

/// The limits of connections and requests, with no more connections than the limit of open files
/// carries.
fn http_limits(config: &HttpLimits) -> HttpLimits {
    let (open_files, wanted) = (raise_open_files(), config.connections);
    let connections = connections_within(open_files, wanted);
    if connections < wanted {
        tracing::warn!(
            open_files,
            wanted,
            connections,
            "the limit of open files is too low for --max-connections, which is lowered; raise \
             the hard limit (ulimit -Hn, LimitNOFILE)"
        );
    }
    HttpLimits { connections, ..config.clone() }
}

/// The state of a server that has no models yet.
fn loading_state(config: &ServerConfig, threads: usize) -> Result<AppState, CliError> {
    let queue = config.queue.map_or(2 * threads, usize::from);
    let workers =
        WorkerPool::start(threads, queue).map_err(|error| CliError::Server(error.to_string()))?;
    let (models, forwards) =
        (LoadedModels::empty().into(), ForwardCache::with_capacity(config.cache_bytes));
    let context = Context { models, forwards, limits: config.limits.clone() };
    let state = AppState::new(context, workers, http_limits(&config.http))
        .with_model_limits(config.models.engine.limits)
        .with_model_name(config.kserve.model_name.clone());
    Ok(state.with_access(access(&config.access)?).with_phase(Phase::Loading))
}

/// Loads the models, makes the server ready, and reloads the models for as long as it runs. A model
/// that cannot be loaded is skipped, or ends the server if `strict` is set.
async fn load_models(
    state: Arc<AppState>,
    loader: ModelLoader,
    config: &ServerConfig,
) -> Result<Infallible, CliError> {
    let hangups = Hangups::new();
    let (shared, blocking) = (Arc::clone(&state), loader.clone());
    let load = move || -> Result<Fingerprint, LoadError> {
        blocking.check_place()?;
        blocking.check_default()?;
        // It is taken before the models are read, so that a change in the meantime is noticed.
        let fingerprint = blocking.fingerprint();
        blocking.reload(&shared.context.models, true)?;
        Ok(fingerprint)
    };
    let fingerprint = load_thread("loading the models", load).await.map_err(CliError::Server)??;
    let models = state.context.models.current();
    let (loaded, refused) = (models.iter().count(), models.refused());
    if let Some(refused) = refused.first().filter(|_| config.strict) {
        return Err(refused.error.clone().into());
    }
    state.advance(Phase::Ready);
    tracing::info!(models = loaded, refused = refused.len(), "ready");
    drop(models);
    let interval = config.reload_interval.duration();
    Ok(reload_models(state, loader, interval, hangups, fingerprint).await)
}

/// Completes when the server should stop accepting connections: at once on Ctrl-C, and `delay`
/// after SIGTERM, so that load balancers notice that it is not ready. A server that has never been
/// ready does not wait.
async fn shutdown(state: Arc<AppState>, delay: Duration) {
    let is_delayed = terminated().await && state.phase() != Phase::Loading;
    let delay = if is_delayed { delay } else { Duration::ZERO };
    state.advance(Phase::Draining);
    tokio::time::sleep(delay).await;
}

/// Waits for SIGTERM or Ctrl-C, and returns whether it was SIGTERM.
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
    // Without a handler, Ctrl-C ends the process by the system's default.
    let _ = interrupt.await;
    false
}
