use clap::Args;
use serde::Serialize;

use super::Seconds;

/// The limits of connections and requests. Times are in seconds.
#[derive(Debug, Clone, Args, Serialize)]
pub struct HttpLimits {
    /// Largest request body, in bytes
    #[arg(
        long = "max-body-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_BODY_BYTES",
        default_value_t = HttpLimits::DEFAULT.body_bytes
    )]
    #[serde(rename = "max_body_bytes")]
    pub body_bytes: usize,
    /// Largest request line and headers together, in bytes; at least 8192
    #[arg(
        long = "max-header-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_HEADER_BYTES",
        default_value_t = HttpLimits::DEFAULT.header_bytes,
        value_parser = clap::value_parser!(u32).range(8192..=1 << 24)
    )]
    #[serde(rename = "max_header_bytes")]
    pub header_bytes: u32,
    /// Open connections; up to 32 more get 503
    #[arg(
        long = "max-connections",
        value_name = "N",
        env = "CONVSCOPE_MAX_CONNECTIONS",
        default_value_t = HttpLimits::DEFAULT.connections,
        value_parser = clap::value_parser!(u32).range(1..=1 << 20)
    )]
    #[serde(rename = "max_connections")]
    pub connections: u32,
    /// Open connections of one client address, further ones get 503; 0 turns the limit off, as it
    /// should be behind a proxy, whose connections all have one address
    #[arg(
        long = "max-connections-per-address",
        value_name = "N",
        env = "CONVSCOPE_MAX_CONNECTIONS_PER_ADDRESS",
        default_value_t = HttpLimits::DEFAULT.connections_per_address
    )]
    #[serde(rename = "max_connections_per_address")]
    pub connections_per_address: u32,
    /// Memory of finished answers that clients have not read yet, in bytes; while they hold more,
    /// requests get 503 before they are computed
    #[arg(
        long = "max-unread-bytes",
        value_name = "BYTES",
        env = "CONVSCOPE_MAX_UNREAD_BYTES",
        default_value_t = HttpLimits::DEFAULT.unread_bytes,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    #[serde(rename = "max_unread_bytes")]
    pub unread_bytes: u64,
    /// Bytes a second that a client must read of its answer; a slower one is disconnected. It must
    /// read 16 times as fast while --max-unread-bytes is reached. 0 turns both off
    #[arg(
        long = "min-read-rate",
        value_name = "BYTES",
        env = "CONVSCOPE_MIN_READ_RATE",
        default_value_t = HttpLimits::DEFAULT.read_rate,
        value_parser = clap::value_parser!(u32).range(0..=1 << 30)
    )]
    #[serde(rename = "min_read_rate")]
    pub read_rate: u32,
    /// Request bodies that take longer than a second to arrive, at the same time
    #[arg(
        long = "max-slow-bodies",
        value_name = "N",
        env = "CONVSCOPE_MAX_SLOW_BODIES",
        default_value_t = HttpLimits::DEFAULT.slow_bodies,
        value_parser = clap::value_parser!(u32).range(1..=1 << 20)
    )]
    #[serde(rename = "max_slow_bodies")]
    pub slow_bodies: u32,
    /// Pictures in one request of KServe's protocols
    #[arg(
        long = "max-instances",
        value_name = "N",
        env = "CONVSCOPE_MAX_INSTANCES",
        default_value_t = HttpLimits::DEFAULT.instances
    )]
    #[serde(rename = "max_instances")]
    pub instances: usize,
    /// Seconds for the request headers to arrive
    #[arg(
        long = "header-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_HEADER_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.header_timeout
    )]
    pub header_timeout: Seconds,
    /// Seconds for the request body to arrive
    #[arg(
        long = "body-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_BODY_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.body_timeout
    )]
    pub body_timeout: Seconds,
    /// Seconds for a whole request, including its time in the queue
    #[arg(
        long = "request-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_REQUEST_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.request_timeout
    )]
    pub request_timeout: Seconds,
    /// Seconds to wait for a client that does not read its answer
    #[arg(
        long = "write-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_WRITE_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.write_timeout
    )]
    pub write_timeout: Seconds,
    /// Seconds that a connection may stay open between two requests; set it longer than the idle
    /// timeout of the proxy in front
    #[arg(
        long = "idle-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_IDLE_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.idle_timeout
    )]
    pub idle_timeout: Seconds,
    /// Seconds to keep accepting requests after SIGTERM, so that load balancers notice that the
    /// server is not ready
    #[arg(
        long = "drain-delay",
        value_name = "SECONDS",
        env = "CONVSCOPE_DRAIN_DELAY",
        default_value_t = HttpLimits::DEFAULT.drain_delay
    )]
    pub drain_delay: Seconds,
    /// Seconds to finish the requests in progress, after the drain delay
    #[arg(
        long = "drain-timeout",
        value_name = "SECONDS",
        env = "CONVSCOPE_DRAIN_TIMEOUT",
        default_value_t = HttpLimits::DEFAULT.drain_timeout
    )]
    pub drain_timeout: Seconds,
}

impl HttpLimits {
    /// The defaults of the flags.
    pub const DEFAULT: Self = Self {
        body_bytes: 10 << 20,
        header_bytes: 64 << 10,
        connections: 1024,
        connections_per_address: 256,
        unread_bytes: 192 << 20,
        read_rate: 16 << 10,
        slow_bodies: 64,
        instances: 16,
        header_timeout: Seconds::new(10),
        body_timeout: Seconds::new(30),
        request_timeout: Seconds::new(60),
        write_timeout: Seconds::new(30),
        idle_timeout: Seconds::new(75),
        drain_delay: Seconds::new(0),
        drain_timeout: Seconds::new(25),
    };
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
