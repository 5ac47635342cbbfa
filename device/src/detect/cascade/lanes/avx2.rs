//! AVX2.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_pd, _mm256_add_ps, _mm256_blendv_ps,
    _mm256_castps_si256, _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmp_pd, _mm256_cmp_ps,
    _mm256_cvtepi32_ps, _mm256_cvtps_pd, _mm256_extractf128_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_movemask_pd, _mm256_mul_ps, _mm256_permute4x64_epi64,
    _mm256_set1_pd, _mm256_set1_ps, _mm256_setzero_pd, _mm256_shuffle_ps, _mm256_sub_epi32,
};

use super::super::feature::HaarTest;
use super::super::program::Stumps;
use super::{Block, LANES};

/// See [`super::rejected`].
///
/// # Safety
/// AVX2 must be there, and every offset in `stumps` plus two vectors inside `block.sums`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn rejected(stumps: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    // SAFETY: as the caller promised.
    unsafe {
        if block.step == 1 {
            stage::<1>(stumps, block)
        } else {
            spread(stage::<2>(stumps, block))
        }
    }
}

/// Windows two entries apart lie in the order 0 1 4 5 2 3 6 7: putting every sum in order would cost
/// more than doing it with the mask.
fn spread(mask: u8) -> u8 {
    mask & 0b1100_0011 | (mask & 0b0000_1100) << 2 | (mask & 0b0011_0000) >> 2
}

/// # Safety
/// As [`rejected`].
#[target_feature(enable = "avx2")]
unsafe fn stage<const STEP: usize>(stumps: Stumps<'_, HaarTest>, block: Block<'_>) -> u8 {
    // SAFETY: `norms` has eight values.
    let norms = unsafe { _mm256_loadu_ps(block.norms.as_ptr()) };
    let norms = if STEP == 1 {
        norms
    } else {
        let halves = _mm256_castps_si256(norms);
        _mm256_castsi256_ps(_mm256_permute4x64_epi64::<0b11_01_10_00>(halves))
    };
    let sums = block.sums.as_ptr();
    let (mut low, mut high) = (_mm256_setzero_pd(), _mm256_setzero_pd());
    for node in stumps.nodes() {
        let test = &node.test;
        // SAFETY: the caller promised that the offsets are inside.
        let value = unsafe {
            let first = weighted::<STEP>(test, 0, sums);
            let mut value = _mm256_add_ps(first, weighted::<STEP>(test, 1, sums));
            if test.weights[2] != 0.0 {
                value = _mm256_add_ps(value, weighted::<STEP>(test, 2, sums));
            }
            value
        };
        let value = _mm256_mul_ps(value, norms);
        let left = _mm256_cmp_ps::<_CMP_LT_OQ>(value, _mm256_set1_ps(test.threshold));
        let [left_leaf, right_leaf] = node.ways.map(|way| _mm256_set1_ps(way.leaf));
        let leaf = _mm256_blendv_ps(right_leaf, left_leaf, left);
        low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(leaf)));
        high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(leaf)));
    }
    let threshold = _mm256_set1_pd(stumps.threshold());
    let mask = |sums| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(sums, threshold)) as u8;
    mask(low) | mask(high) << 4
}

/// A rectangle's weighted sum.
///
/// # Safety
/// As [`rejected`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn weighted<const STEP: usize>(test: &HaarTest, rect: usize, sums: *const i32) -> __m256 {
    let [a, b, c, d] = test.corners[rect];
    // SAFETY: as the caller promised.
    let sum = unsafe {
        let top = _mm256_sub_epi32(load::<STEP>(sums, a), load::<STEP>(sums, b));
        let rest = _mm256_sub_epi32(top, load::<STEP>(sums, c));
        _mm256_add_epi32(rest, load::<STEP>(sums, d))
    };
    _mm256_mul_ps(_mm256_set1_ps(test.weights[rect]), _mm256_cvtepi32_ps(sum))
}

/// Eight entries, `STEP` apart, from `offset` on.
///
/// # Safety
/// As [`rejected`].
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn load<const STEP: usize>(sums: *const i32, offset: u32) -> __m256i {
    // SAFETY: as the caller promised.
    unsafe {
        let at = sums.add(offset as usize);
        let first = _mm256_loadu_si256(at.cast());
        if STEP == 1 {
            return first;
        }
        let second = _mm256_loadu_si256(at.add(LANES).cast());
        let [first, second] = [_mm256_castsi256_ps(first), _mm256_castsi256_ps(second)];
        _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(first, second))
    }
}
