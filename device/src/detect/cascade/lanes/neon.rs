//! NEON.

use std::arch::aarch64::{
    float32x4_t, float64x2_t, int32x4_t, vaddq_f32, vaddq_f64, vaddq_s32, vbslq_f32, vcltq_f32,
    vcltq_f64, vcvt_f64_f32, vcvt_high_f64_f32, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_f64,
    vget_low_f32, vgetq_lane_u64, vld1q_f32, vld1q_s32, vld2q_s32, vmulq_f32, vsubq_s32,
};

use super::super::feature::HaarTest;
use super::super::program::Stumps;
use super::Block;

/// Windows of a vector.
const WIDTH: usize = 4;

/// See [`super::rejected`].
///
/// # Safety
/// Every offset in `stumps` plus four vectors must be inside `block.sums`.
#[target_feature(enable = "neon")]
pub(super) unsafe fn rejected(stumps: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    // SAFETY: as the caller promised.
    unsafe {
        if block.step == 1 {
            stage::<1>(stumps, block)
        } else {
            stage::<2>(stumps, block)
        }
    }
}

/// # Safety
/// As [`rejected`].
#[target_feature(enable = "neon")]
unsafe fn stage<const STEP: usize>(stumps: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    let mut totals = [[vdupq_n_f64(0.0); 2]; 2];
    for node in stumps.nodes() {
        let test = &node.test;
        let [left_leaf, right_leaf] = node.ways.map(|way| vdupq_n_f32(way.leaf));
        for (half, totals) in totals.iter_mut().enumerate() {
            // SAFETY: `norms` has two vectors; the caller promised that the offsets are inside.
            let value = unsafe {
                let sums = block.sums.as_ptr().add(half * WIDTH * STEP);
                let first = weighted::<STEP>(test, 0, sums);
                let mut value = vaddq_f32(first, weighted::<STEP>(test, 1, sums));
                if test.weights[2] != 0.0 {
                    value = vaddq_f32(value, weighted::<STEP>(test, 2, sums));
                }
                vmulq_f32(value, vld1q_f32(block.norms.as_ptr().add(half * WIDTH)))
            };
            let left = vcltq_f32(value, vdupq_n_f32(test.threshold));
            let leaf = vbslq_f32(left, left_leaf, right_leaf);
            totals[0] = vaddq_f64(totals[0], vcvt_f64_f32(vget_low_f32(leaf)));
            totals[1] = vaddq_f64(totals[1], vcvt_high_f64_f32(leaf));
        }
    }
    let [[a, b], [c, d]] = totals;
    [a, b, c, d].into_iter().rev().fold(0, |mask, total| {
        mask << 2 | below(total, stumps.threshold())
    })
}

/// Bit 0 and 1: whether the values are below the threshold.
#[target_feature(enable = "neon")]
fn below(values: float64x2_t, threshold: f64) -> u8 {
    let mask = vcltq_f64(values, vdupq_n_f64(threshold));
    let bit = |lane: u64| (lane & 1) as u8;
    bit(vgetq_lane_u64::<0>(mask)) | bit(vgetq_lane_u64::<1>(mask)) << 1
}

/// A rectangle's weighted sum.
///
/// # Safety
/// As [`rejected`].
#[target_feature(enable = "neon")]
#[inline]
unsafe fn weighted<const STEP: usize>(
    test: &HaarTest,
    rect: usize,
    sums: *const i32,
) -> float32x4_t {
    let [a, b, c, d] = test.corners[rect];
    // SAFETY: as the caller promised.
    let sum = unsafe {
        let top = vsubq_s32(load::<STEP>(sums, a), load::<STEP>(sums, b));
        let rest = vsubq_s32(top, load::<STEP>(sums, c));
        vaddq_s32(rest, load::<STEP>(sums, d))
    };
    vmulq_f32(vdupq_n_f32(test.weights[rect]), vcvtq_f32_s32(sum))
}

/// Four entries, `STEP` apart, from `offset` on.
///
/// # Safety
/// As [`rejected`].
#[target_feature(enable = "neon")]
#[inline]
unsafe fn load<const STEP: usize>(sums: *const i32, offset: u32) -> int32x4_t {
    // SAFETY: as the caller promised.
    unsafe {
        let at = sums.add(offset as usize);
        if STEP == 1 {
            vld1q_s32(at)
        } else {
            vld2q_s32(at).0
        }
    }
}
