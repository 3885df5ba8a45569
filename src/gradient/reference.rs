/// Another input of the network. Some rules read forward values at it, besides those at the
/// picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reference {
    /// The input with which the picture is compared.
    Baseline,
    /// Each number is the least that any picture has there.
    Low,
    /// Each number is the greatest that any picture has there.
    High,
}

impl Reference {
    /// The graph input that takes the forward value `value` at this reference.
    #[must_use]
    pub fn value_name(self, value: &str) -> String {
        let prefix = match self {
            Self::Baseline => "baseline",
            Self::Low => "low",
            Self::High => "high",
        };
        format!("{prefix}/{value}")
    }
}
