//! Eight neighbouring windows at a time, where the CPU has vectors for them.
//!
//! Every lane does what the scalar code does, in the same order: `f32` features, `f64` stage sums.
//! So the verdicts are the same, bit for bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;

use super::feature::{HaarTest, Window};
use super::program::{Stumps, sum_stumps};

/// Windows of a block.
pub(super) const LANES: usize = 8;
/// Table entries that a block may read from the furthest one of its first window on: the windows
/// after it are up to two apart, and vectors are loaded whole.
pub(super) const BEYOND: usize = 2 * LANES;

/// How blocks are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Plain code.
    Scalar,
    /// AVX2, detected.
    #[cfg(target_arch = "x86_64")]
    Avx2(Detected),
    /// NEON, which every 64-bit ARM has.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// Proof that the CPU was asked.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detected(());

impl Kernel {
    /// The fastest one here.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Self::Avx2(Detected(()));
        }
        #[cfg(target_arch = "aarch64")]
        {
            Self::Neon
        }
        #[cfg(not(target_arch = "aarch64"))]
        Self::Scalar
    }
}

/// Eight windows of a row: their tables from the first one's corner on, and their contrasts.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// Sums from the first window's top left corner on.
    pub sums: &'a [i32],
    /// Distance of the windows, 1 or 2.
    pub step: usize,
    /// As in [`Window`]; anything for windows whose verdict is not used.
    pub norms: &'a [f32; LANES],
}

/// Which windows of the block fail a stage: bit `i` for window `i`.
///
/// # Panics
/// When the tables end less than [`BEYOND`] entries after the furthest that the stage reads.
pub(super) fn rejected(kernel: Kernel, stage: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    // Vectors read without a check of their own: this is the one that keeps them inside.
    assert!(block.sums.len() >= stage.reach() + BEYOND && (1..=2).contains(&block.step));
    match kernel {
        Kernel::Scalar => scalar(stage, block),
        // SAFETY: AVX2 was detected. No offset of the stage is above its reach, and the tables go
        // on for `BEYOND` entries, two vectors, after it.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(Detected(())) => unsafe { avx2::rejected(stage, block) },
        // SAFETY: NEON is part of the architecture. No offset of the stage is above its reach, and
        // the tables go on for `BEYOND` entries, four vectors, after it.
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon => unsafe { neon::rejected(stage, block) },
    }
}

/// The vector kernels' twin.
pub(super) fn scalar(stage: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    (0..LANES).fold(0, |mask, lane| {
        let window = Window {
            sums: &block.sums[lane * block.step..],
            norm: block.norms[lane],
        };
        let sum = sum_stumps(stage.nodes(), window);
        mask | u8::from(sum < stage.threshold()) << lane
    })
}

#[cfg(test)]
mod tests {
    use mien_models::cascade::{HaarFeature, WeightedRect};
    use proptest::prelude::*;

    use super::super::feature::{Layout, Test};
    use super::super::program::{Node, stump};
    use super::*;

    const STRIDE: usize = 40;
    const LAYOUT: Layout = Layout {
        stride: STRIDE,
        tilted_at: 0,
    };

    fn rect() -> impl Strategy<Value = WeightedRect> {
        let weight = prop_oneof![Just(-1.0f32), Just(2.0), Just(3.0), -4.0f32..4.0];
        (0u8..12, 0u8..12, 1u8..12, 1u8..12, weight).prop_map(|(x, y, width, height, weight)| {
            WeightedRect {
                x,
                y,
                width,
                height,
                weight,
            }
        })
    }

    fn one_rect() -> HaarTest {
        let rect = WeightedRect {
            x: 1,
            y: 2,
            width: 3,
            height: 4,
            weight: 1.0,
        };
        let feature = HaarFeature {
            rects: [rect].into_iter().collect(),
            tilted: false,
        };
        HaarTest::new(&feature, 0.0, LAYOUT)
    }

    fn node() -> impl Strategy<Value = Node<HaarTest>> {
        let rects = proptest::collection::vec(rect(), 1..=3);
        (rects, -2.0f32..2.0, -1.0f32..1.0, -1.0f32..1.0).prop_map(
            |(rects, threshold, left, right)| {
                let feature = HaarFeature {
                    rects: rects.into_iter().collect(),
                    tilted: false,
                };
                stump(HaarTest::new(&feature, threshold, LAYOUT), [left, right])
            },
        )
    }

    proptest! {
        #[test]
        fn vectors_equal_the_scalar_twin(
            nodes in proptest::collection::vec(node(), 1..12),
            entries in proptest::collection::vec(any::<i32>(), STRIDE * 24 + BEYOND),
            norms in proptest::array::uniform8(0.0f32..1e-8),
            threshold in -3.0f64..3.0,
            step in 1usize..=2,
        ) {
            let stage = Stumps::new(&nodes, threshold);
            // An allocation that ends where it may: memory checkers see what is read beyond.
            let entries = entries[..stage.reach() + BEYOND].to_vec();
            let block = Block { sums: &entries, step, norms: &norms };
            let expected = scalar(stage, block);
            prop_assert_eq!(rejected(Kernel::best(), stage, block), expected);
            prop_assert_eq!(rejected(Kernel::Scalar, stage, block), expected);
        }
    }

    #[test]
    #[should_panic(expected = "reach")]
    fn tables_that_end_too_early_are_refused() {
        let nodes = [stump(one_rect(), [-1.0, 1.0])];
        let stage = Stumps::new(&nodes, 0.0);
        let entries = vec![0; stage.reach() + BEYOND - 1];
        let block = Block {
            sums: &entries,
            step: 1,
            norms: &[1.0; LANES],
        };
        rejected(Kernel::best(), stage, block);
    }
}
