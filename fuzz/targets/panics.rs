//! The panic hook of the fuzz targets.

/// Replaces libFuzzer's panic hook, which ends the process at every panic, by one that only prints
/// the panic. A panic that the code catches is a refusal and no failure. A panic that it does not
/// catch still ends the target.
pub fn print_panics() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}
