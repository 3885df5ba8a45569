//! What a container asks itself: images without a shell have no curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;

use super::CliError;

/// What is asked of whom.
#[derive(Debug, Clone, Args)]
pub(super) struct HealthcheckConfig {
    /// Where the server listens
    #[arg(long, env = "CONVSCOPE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Ask whether the process lives, not whether it can serve
    #[arg(long)]
    live: bool,
}

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(3);

/// Succeeds if the server says that it is well.
pub(super) fn healthcheck(config: &HealthcheckConfig) -> Result<(), CliError> {
    let path = if config.live { "/healthz" } else { "/readyz" };
    let address = reachable(config.listen);
    let unwell = |why: String| CliError::Server(format!("{address}{path}: {why}"));
    let answer = ask(address, path).map_err(|error| unwell(error.to_string()))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(unwell(status.to_owned())) }
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(16 << 10).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Who listens everywhere is asked at home.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let home = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(home, listen.port())
}
