//! The products that everything else is made of: eight rows of bfloat16 pairs, each pair broadcast,
//! times up to 48 columns, with `f32` sums.
//!
//! The instruction (`VDPBF16PS`) multiplies pairs: `c += a0 b0 + a1 b1`, so both operands hold two
//! elements of the summed dimension in one `u32`, the first in the low half.

/// Rows of a tile.
pub const ROWS: usize = 8;
/// Columns of a vector; operands are padded to a multiple of it.
pub const LANES: usize = 16;
/// Columns of the widest tile.
pub const PANEL: usize = 3 * LANES;

/// Sums of a tile, `[ROWS, PANEL]`; narrower tiles use the first columns.
pub type Sums = [[f32; PANEL]; ROWS];

/// The way of the summed dimension through both operands: runs of `count` pairs, `steps` apart in
/// the left and the right operand.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Where each run starts, in the left and the right operand.
    runs: Vec<[usize; 2]>,
    count: usize,
    steps: [usize; 2],
    /// The furthest offset in each operand.
    last: [usize; 2],
}

impl Walk {
    /// # Panics
    /// When it has no runs or they are empty.
    pub fn new(runs: Vec<[usize; 2]>, count: usize, steps: [usize; 2]) -> Self {
        assert!(!runs.is_empty() && count > 0);
        let last = [0, 1].map(|side| {
            let furthest = runs.iter().map(|run| run[side]).max();
            furthest.unwrap_or(0) + (count - 1) * steps[side]
        });
        Self {
            runs,
            count,
            steps,
            last,
        }
    }
}

/// Whether this machine has the instructions.
pub fn available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// `sums[r][c]` of rows that start at `rows[r]` in `a`, and the first `columns` (16, 32 or 48)
/// columns from `b`'s start on.
///
/// # Panics
/// When the walk leaves an operand.
pub fn product(
    walk: &Walk,
    rows: &[usize; ROWS],
    columns: usize,
    a: &[u32],
    b: &[u32],
    sums: &mut Sums,
) {
    let furthest = rows.iter().fold(0, |most, row| most.max(*row));
    assert!(a.len() > furthest + walk.last[0], "left operand");
    assert!(b.len() >= walk.last[1] + columns, "right operand");
    assert!(columns <= PANEL && columns.is_multiple_of(LANES));
    #[cfg(target_arch = "x86_64")]
    if available() {
        // SAFETY: the features were detected; the assertions bound every access.
        unsafe {
            match columns / LANES {
                1 => avx512::product::<1>(walk, rows, a.as_ptr(), b.as_ptr(), sums),
                2 => avx512::product::<2>(walk, rows, a.as_ptr(), b.as_ptr(), sums),
                _ => avx512::product::<3>(walk, rows, a.as_ptr(), b.as_ptr(), sums),
            }
        }
        return;
    }
    scalar(walk, rows, columns, a, b, sums);
}

/// The scalar twin of the AVX-512 code; equal up to the order of rounding.
pub fn scalar(
    walk: &Walk,
    rows: &[usize; ROWS],
    columns: usize,
    a: &[u32],
    b: &[u32],
    sums: &mut Sums,
) {
    let halves = |pair: u32| {
        [
            f32::from_bits(pair << 16),
            f32::from_bits(pair & 0xffff_0000),
        ]
    };
    for (row, sums) in rows.iter().zip(sums) {
        sums[..columns].fill(0.0);
        for run in &walk.runs {
            for k in 0..walk.count {
                let [a0, a1] = halves(a[row + run[0] + k * walk.steps[0]]);
                let b = &b[run[1] + k * walk.steps[1]..][..columns];
                for (sum, b) in sums.iter_mut().zip(b) {
                    let [b0, b1] = halves(*b);
                    *sum += a0 * b0 + a1 * b1;
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32,
        _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps,
    };

    use super::{LANES, ROWS, Sums, Walk};

    fn bf16(pairs: __m512i) -> __m512bh {
        // SAFETY: both are 512 bits without invalid values.
        unsafe { std::mem::transmute(pairs) }
    }

    /// # Safety
    /// AVX-512 F and BF16 must be there; every row's walk must stay inside `a`, the walk with `16 V`
    /// columns inside `b`.
    #[allow(clippy::needless_range_loop)]
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub unsafe fn product<const V: usize>(
        walk: &Walk,
        rows: &[usize; ROWS],
        a: *const u32,
        b: *const u32,
        to: &mut Sums,
    ) {
        let mut sums: [[__m512; V]; ROWS] = [[_mm512_setzero_ps(); V]; ROWS];
        let [a_step, b_step] = walk.steps;
        // Plain indices and no closures in here: iterators would not be inlined with these features,
        // and the sums would lie in memory.
        for run in &walk.runs {
            // SAFETY: inside the operands, as the caller promised; the pointer after the last pair is
            // not read.
            unsafe {
                let mut starts = [a; ROWS];
                for r in 0..ROWS {
                    starts[r] = a.add(rows[r] + run[0]);
                }
                let mut b = b.add(run[1]);
                let mut offset = 0;
                for _ in 0..walk.count {
                    let mut columns: [__m512bh; V] = [bf16(_mm512_setzero_si512()); V];
                    for v in 0..V {
                        columns[v] = bf16(_mm512_loadu_si512(b.add(v * LANES).cast()));
                    }
                    for r in 0..ROWS {
                        let pair = (*starts[r].add(offset)).cast_signed();
                        let pair = bf16(_mm512_set1_epi32(pair));
                        for v in 0..V {
                            sums[r][v] = _mm512_dpbf16_ps(sums[r][v], pair, columns[v]);
                        }
                    }
                    offset += a_step;
                    b = b.wrapping_add(b_step);
                }
            }
        }
        for r in 0..ROWS {
            for v in 0..V {
                let to = &mut to[r][v * LANES..][..LANES];
                // SAFETY: `to` has LANES values.
                unsafe { _mm512_storeu_ps(to.as_mut_ptr(), sums[r][v]) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::map::{narrow, pair};
    use super::*;

    #[test]
    fn vectors_equal_the_scalar_twin() {
        if !available() {
            eprintln!("skipped: this CPU has no AVX-512 BF16");
            return;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut pairs = |len: usize| -> Vec<u32> {
            let mut value = || narrow(rng.random::<f32>() - 0.5);
            (0..len).map(|_| pair(value(), value())).collect()
        };
        let (a, b) = (pairs(500), pairs(2000));
        for columns in [16, 32, 48] {
            for (count, steps) in [(1, [1, 48]), (5, [3, 50]), (7, [1, 64])] {
                let walk = Walk::new(vec![[0, 400], [11, 0], [200, 1000]], count, steps);
                let rows = [0, 3, 9, 200, 1, 2, 200, 7];
                let mut sums = [[[f32::NAN; PANEL]; ROWS]; 2];
                let [fast, slow] = &mut sums;
                product(&walk, &rows, columns, &a, &b, fast);
                scalar(&walk, &rows, columns, &a, &b, slow);
                for (fast, slow) in fast.iter().zip(slow) {
                    for (fast, slow) in fast[..columns].iter().zip(&slow[..columns]) {
                        assert!((fast - slow).abs() < 1e-4, "{fast} {slow}");
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "left operand")]
    fn a_walk_outside_of_an_operand_is_refused() {
        let walk = Walk::new(vec![[0, 0], [3, 0]], 2, [1, 16]);
        let mut sums = [[0.0; PANEL]; ROWS];
        product(&walk, &[0; ROWS], 16, &[0; 4], &[0; 32], &mut sums);
    }
}
