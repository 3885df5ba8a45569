//! `convscope healthcheck`: a health probe for containers whose image has no shell and no curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use crate::config::ListenConfig;

/// The flags of `convscope healthcheck`.
#[derive(Debug, Clone, Args)]
pub(super) struct HealthcheckConfig {
    #[command(flatten)]
    listen: ListenConfig,
    /// Check whether the process is alive (/healthz) and not whether it is ready (/readyz)
    #[arg(long)]
    live: bool,
}

/// The timeout of connecting, of each write and of each read.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most bytes that are read of the answer.
const MAX_BYTES: u64 = 16 << 10;

/// Succeeds if the server answers 200.
///
/// # Errors
/// [`CliError::Server`].
pub(super) fn healthcheck(config: &HealthcheckConfig) -> Result<(), CliError> {
    let path = if config.live { "/healthz" } else { "/readyz" };
    let listen = &config.listen;
    let address = local_address(listen.admin_listen.unwrap_or(listen.address()));
    let error = |cause: String| CliError::Server(format!("{address}{path}: {cause}"));
    let answer = get(address, path).map_err(|cause| error(cause.to_string()))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(error(status.to_owned())) }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

/// A server that listens on every interface (0.0.0.0 or ::) is reached over the loopback interface.
fn local_address(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(address, listen.port())
}
