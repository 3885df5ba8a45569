use clap::Args;

/// The flags that KServe passes to a container, besides `--http_port` and `--workers`. Their names
/// have underscores, as KServe writes them.
#[derive(Debug, Clone, Default, Args)]
pub struct KserveConfig {
    /// One more name of the default model under /v1 and /v2; KServe passes the name of the
    /// InferenceService [default: none]
    #[arg(long = "model_name", value_name = "NAME", env = "CONVSCOPE_MODEL_NAME")]
    pub model_name: Option<String>,
    /// Has no effect, since no other predictor is asked; it is accepted because KServe passes it to
    /// explainers [default: none]
    #[arg(long = "predictor_host", value_name = "HOST", env = "CONVSCOPE_PREDICTOR_HOST")]
    pub predictor_host: Option<String>,
    /// Has no effect, since no other predictor is asked [default: none]
    #[arg(
        long = "predictor_protocol",
        value_name = "PROTOCOL",
        env = "CONVSCOPE_PREDICTOR_PROTOCOL"
    )]
    pub predictor_protocol: Option<String>,
    /// Has no effect, since the server does not speak gRPC [default: none]
    #[arg(long = "grpc_port", value_name = "PORT", env = "CONVSCOPE_GRPC_PORT")]
    pub grpc_port: Option<u16>,
}
