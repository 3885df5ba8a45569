//! What a panic means to a target.

/// Says where it was and goes on: one that the code itself catches is a refusal, which is an
/// answer; one that it does not ends the target all the same. libFuzzer's own hook would end the
/// process at both.
pub fn told() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}
