/// Clears the upper halves of the vector registers, where the machine has such.
///
/// As long as they hold something, instructions of 128 bits, which is what compilers make of plain
/// code, have to keep it: on Zen 4 loops over floats took four times as long. What Rust compiles
/// clears them when it is done; tract's own products of matrices, written in assembler, do not, and
/// leave the thread like that.
pub fn clear_upper_halves() {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the machine has AVX; no value lives in an upper half across a call.
        unsafe { zero() }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn zero() {
    std::arch::x86_64::_mm256_zeroupper();
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use std::arch::asm;
    use std::arch::x86_64::{__cpuid_count, _xgetbv};

    use super::clear_upper_halves;

    /// Whether upper halves are in use, where the machine tells.
    fn in_use() -> Option<bool> {
        #[target_feature(enable = "xsave")]
        fn state() -> u64 {
            // SAFETY: the caller has asked for register 1.
            unsafe { _xgetbv(1) }
        }
        let tells = is_x86_feature_detected!("avx")
            && is_x86_feature_detected!("xsave")
            && __cpuid_count(0xd, 1).eax & 4 != 0;
        // SAFETY: the machine has XGETBV, and register 1 of it.
        tells.then(|| unsafe { state() } & 4 != 0)
    }

    #[test]
    fn nothing_is_left_in_the_upper_halves() {
        if in_use().is_none() {
            return;
        }
        // SAFETY: the machine has AVX; no value lives in an upper half here.
        unsafe { asm!("vzeroupper", out("ymm0") _, options(nomem, nostack)) };
        if in_use() == Some(true) {
            // It may say so of any state.
            return;
        }
        // SAFETY: the machine has AVX, and is told which register is written.
        unsafe { asm!("vcmpps ymm0, ymm0, ymm0, 0xf", out("ymm0") _, options(nomem, nostack)) };
        let before = in_use();
        clear_upper_halves();
        assert_eq!((before, in_use()), (Some(true), Some(false)));
    }
}
