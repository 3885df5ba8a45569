//! Seeded random numbers. The same seed gives the same numbers on every machine and with any number
//! of threads.

use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::Integer;

/// The parameter that starts the random numbers.
pub(super) const SEED: Integer = Integer {
    name: "seed",
    range: [0, u32::MAX as usize],
    default: Some(0),
    help: "start of the random numbers; the same seed gives the same map",
};

/// The generator of the sample `index`. Samples use separate parts of one sequence, 2⁶⁴ numbers
/// apart.
#[must_use]
pub fn generator(seed: u64, index: usize) -> Pcg64 {
    let mut generator = Pcg64::seed_from_u64(seed);
    generator.advance((index as u128) << 64);
    generator
}
