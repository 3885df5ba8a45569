use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

/// Where the server listens.
#[derive(Debug, Clone, Copy, Args)]
pub struct ListenConfig {
    /// Address and port on which the server listens; port 0 takes any free port [default:
    /// 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "CONVSCOPE_LISTEN")]
    listen: Option<SocketAddr>,
    /// Port in place of that of --listen; without --listen, on every address; KServe passes it
    /// [default: none]
    #[arg(long = "http_port", value_name = "PORT", env = "CONVSCOPE_HTTP_PORT")]
    http_port: Option<u16>,
    /// Address and port of a second listener with its own connections: it answers /healthz, /readyz
    /// and /metrics without an API key [default: none]
    #[arg(long, value_name = "ADDRESS", env = "CONVSCOPE_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
}

impl ListenConfig {
    /// The address and port.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        match (self.listen, self.http_port) {
            (Some(listen), port) => SocketAddr::new(listen.ip(), port.unwrap_or(listen.port())),
            (None, Some(port)) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port),
            (None, None) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn address(flags: &[&str]) -> String {
        let command = ListenConfig::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).unwrap();
        ListenConfig::from_arg_matches(&matches).unwrap().address().to_string()
    }

    #[test]
    fn http_port_is_on_the_address_of_listen_or_on_every_address() {
        assert_eq!(address(&[]), "127.0.0.1:8080");
        assert_eq!(address(&["--listen", "127.0.0.1:9000"]), "127.0.0.1:9000");
        assert_eq!(address(&["--http_port", "9001"]), "0.0.0.0:9001");
        let both = |listen| address(&["--listen", listen, "--http_port", "9001"]);
        assert_eq!(both("127.0.0.1:9000"), "127.0.0.1:9001");
        assert_eq!(both("[::]:9000"), "[::]:9001");
    }
}
