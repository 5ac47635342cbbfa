//! Numbers side by side, which the compiler puts into vectors.

/// Channels computed side by side: one vector of AVX2, two of NEON.
pub(super) const LANES: usize = 8;

/// `N` values from `start` on.
#[inline(always)]
pub(super) fn block<const N: usize>(values: &[f32], start: usize) -> [f32; N] {
    let mut block = [0.0; N];
    block.copy_from_slice(&values[start..start + N]);
    block
}

/// `sums += a * b`, rounded once where `FUSED`.
#[inline(always)]
pub(super) fn multiply_add<const FUSED: bool, const N: usize>(
    a: &[f32; N],
    b: &[f32; N],
    sums: &mut [f32; N],
) {
    for lane in 0..N {
        sums[lane] = if FUSED {
            a[lane].mul_add(b[lane], sums[lane])
        } else {
            a[lane] * b[lane] + sums[lane]
        };
    }
}

/// Runs a kernel's `$rows`, generic over fusing, with the best instructions that this CPU has.
/// What is called from there is inlined, to be compiled for them too; a closure would not be.
macro_rules! with_vectors {
    ($kernel:ty) => {
        impl $kernel {
            /// The input's values to those of the output.
            pub(super) fn run(&self, input: &[f32], output: &mut [f32]) {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the CPU has both.
                    return unsafe { self.run_avx2(input, output) };
                }
                // Every 64-bit ARM multiplies and adds in one step; elsewhere that would be a
                // call.
                self.rows::<{ cfg!(target_arch = "aarch64") }>(input, output);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn run_avx2(&self, input: &[f32], output: &mut [f32]) {
                self.rows::<true>(input, output);
            }
        }
    };
}
pub(super) use with_vectors;
