//! The names of a gradient graph's inputs and outputs.

/// The input that takes the cotangent of the logits.
pub const SEED: &str = "seed";

/// Prefix of an output that is the cotangent of a value.
const COTANGENT: &str = "grad/";

/// Prefix of an output that has the channel sums of a value's cotangent.
const CHANNEL_SUMS: &str = "sums/";

/// Prefix of an output that is the product of a bias and its cotangent.
const BIAS_PRODUCT: &str = "bias/";

/// The name of the output that is the cotangent of `value`.
#[must_use]
pub fn cotangent_name(value: &str) -> String {
    format!("{COTANGENT}{value}")
}

/// The value whose cotangent is the output called `output`. The inverse of [`cotangent_name`].
#[must_use]
pub fn value_name(output: &str) -> Option<&str> {
    output.strip_prefix(COTANGENT)
}

/// The name of the output that has the sums of the cotangent of `value` for each channel.
#[must_use]
pub fn channel_sums_name(value: &str) -> String {
    format!("{CHANNEL_SUMS}{value}")
}

/// The name of the output that is ȳ ⊙ b, for the bias b of the operator with the output `value`.
#[must_use]
pub fn bias_product_name(value: &str) -> String {
    format!("{BIAS_PRODUCT}{value}")
}

/// The value whose bias is in the output called `output`. The inverse of [`bias_product_name`].
#[must_use]
pub fn biased_value_name(output: &str) -> Option<&str> {
    output.strip_prefix(BIAS_PRODUCT)
}
