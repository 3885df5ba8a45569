/// Clears the upper halves of the vector registers with the instruction `vzeroupper`, where the
/// processor has it.
///
/// While the upper halves are in use, 128-bit instructions have to preserve them. Compilers emit
/// such instructions for plain code. On Zen 4, loops over floats took four times as long. Code that
/// Rust compiles for AVX clears the upper halves at its end. tract's matrix products are written in
/// assembler and do not, so the thread stays slow after them.
pub fn vzeroupper() {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX. No value lives in an upper half across a call.
        unsafe { clear() }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn clear() {
    std::arch::x86_64::_mm256_zeroupper();
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid_count, _xgetbv};

    use super::vzeroupper;

    /// Whether upper halves are in use; `None` where the processor does not report it.
    fn upper_halves_in_use() -> Option<bool> {
        #[target_feature(enable = "xsave")]
        fn xinuse() -> u64 {
            // SAFETY: the caller has checked that register 1 exists.
            unsafe { _xgetbv(1) }
        }
        let is_reported = is_x86_feature_detected!("avx")
            && is_x86_feature_detected!("xsave")
            && __cpuid_count(0xd, 1).eax & 4 != 0;
        // SAFETY: the processor has XGETBV with register 1.
        is_reported.then(|| unsafe { xinuse() } & 4 != 0)
    }

    #[test]
    fn the_upper_halves_are_clear_afterwards() {
        if upper_halves_in_use().is_none() {
            return;
        }
        // SAFETY: the processor has AVX. No value lives in an upper half here.
        unsafe { asm!("vzeroupper", out("ymm0") _, options(nomem, nostack)) };
        if upper_halves_in_use() == Some(true) {
            // A processor may report every state as in use.
            return;
        }
        // SAFETY: the processor has AVX. The operand names the register that is written.
        unsafe { asm!("vcmpps ymm0, ymm0, ymm0, 0xf", out("ymm0") _, options(nomem, nostack)) };
        let before = upper_halves_in_use();
        vzeroupper();
        assert_eq!((before, upper_halves_in_use()), (Some(true), Some(false)));
    }
}
