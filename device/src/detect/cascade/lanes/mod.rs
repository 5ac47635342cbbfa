//! Eight neighbouring windows at a time, where the CPU has vectors for them.
//!
//! Every lane does what the scalar code does, in the same order: `f32` features, `f64` stage sums.
//! So the verdicts are the same, bit for bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;

use super::feature::{HaarTest, Test, Window};
use super::program::Node;

/// Windows of a block.
pub(super) const LANES: usize = 8;
/// Table entries beyond a window's own that a block of windows may read, less its `step`s.
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

/// Which windows of the block fail a stage of stumps: bit `i` for window `i`. No offset in `nodes`
/// is above `reach`.
pub(super) fn rejected(
    kernel: Kernel,
    nodes: &[Node<HaarTest>],
    threshold: f64,
    reach: usize,
    block: Block<'_>,
) -> u8 {
    assert!(block.sums.len() >= reach + BEYOND && (1..=2).contains(&block.step));
    debug_assert!(nodes.iter().all(|node| node.test.reach() <= reach));
    match kernel {
        Kernel::Scalar => scalar(nodes, threshold, block),
        // SAFETY: AVX2 was detected; `reach`, which bounds all offsets, and two vectors beyond it
        // are inside the tables.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2(Detected(())) => unsafe { avx2::rejected(nodes, threshold, block) },
        // SAFETY: NEON is part of the architecture; the tables are as long as above.
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon => unsafe { neon::rejected(nodes, threshold, block) },
    }
}

/// The vector kernels' twin.
pub(super) fn scalar(nodes: &[Node<HaarTest>], threshold: f64, block: Block<'_>) -> u8 {
    (0..LANES).fold(0, |mask, lane| {
        let window = Window {
            sums: &block.sums[lane * block.step..],
            norm: block.norms[lane],
        };
        let sum = super::program::sum_stumps(nodes, window);
        mask | u8::from(sum < threshold) << lane
    })
}

#[cfg(test)]
mod tests {
    use mien_models::cascade::{HaarFeature, WeightedRect};
    use proptest::prelude::*;

    use super::super::feature::Layout;
    use super::super::program::stump;
    use super::*;

    const STRIDE: usize = 40;

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

    fn node() -> impl Strategy<Value = Node<HaarTest>> {
        let rects = proptest::collection::vec(rect(), 2..=3);
        (rects, -2.0f32..2.0, -1.0f32..1.0, -1.0f32..1.0).prop_map(
            |(rects, threshold, left, right)| {
                let feature = HaarFeature {
                    rects: rects.into_iter().collect(),
                    tilted: false,
                };
                let layout = Layout {
                    stride: STRIDE,
                    tilted_at: 0,
                };
                stump(HaarTest::new(&feature, threshold, layout), [left, right])
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
            let block = Block { sums: &entries, step, norms: &norms };
            let reach = nodes.iter().map(|node| node.test.reach()).max().unwrap_or(0);
            let mask = rejected(Kernel::best(), &nodes, threshold, reach, block);
            prop_assert_eq!(mask, scalar(&nodes, threshold, block));
        }
    }
}
