//! Matrix products of bfloat16 pairs with `f32` sums.
//!
//! The instruction (`VDPBF16PS`) multiplies pairs: `c += a0 b0 + a1 b1`, so both operands hold two
//! neighbouring elements of the summed dimension in one `u32`, the first in the low half.

/// Rows of one tile.
pub const ROWS: usize = 8;
/// Columns of one full panel of the right operand; a last panel may have 16 or 32.
pub const PANEL: usize = 48;
/// Columns are padded to a multiple of this.
pub const LANES: usize = 16;

/// The left operand `[rows, pairs]`: element `(r, k)` is
/// `data[r / ROWS * block + r % ROWS * row + k * pair]`.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    /// Pairs.
    pub data: &'a [u32],
    /// Distance of two blocks of [`ROWS`] rows.
    pub block: usize,
    /// Distance of two rows of a block.
    pub row: usize,
    /// Distance of two pairs.
    pub pair: usize,
}

/// Sizes of a product; `rows` a multiple of [`ROWS`], `columns` of [`LANES`].
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of the left operand and the result.
    pub rows: usize,
    /// Columns of the right operand and the result.
    pub columns: usize,
    /// Pairs summed over.
    pub pairs: usize,
}

/// Where column `column` of the right operand starts, and its panel's width: panels of [`PANEL`]
/// columns one after the other, each `[pairs, width]`.
pub fn panel(size_columns: usize, pairs: usize, column: usize) -> (usize, usize) {
    let first = column / PANEL * PANEL;
    (first * pairs, PANEL.min(size_columns - first))
}

/// Whether this machine has the instructions of [`product`].
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

/// `c[rows, columns] = a b`, added to `c` if `accumulate`. `b` is laid out as [`panel`] says, the
/// rows of `c` are `ld` apart.
pub fn product(size: Size, a: Left<'_>, b: &[u32], c: &mut [f32], ld: usize, accumulate: bool) {
    check(size, a, b, c, ld);
    #[cfg(target_arch = "x86_64")]
    if available() {
        // SAFETY: the features were detected and `check` bounds every access.
        unsafe { avx512::product(size, a, b, c, ld, accumulate) };
        return;
    }
    scalar(size, a, b, c, ld, accumulate);
}

fn check(size: Size, a: Left<'_>, b: &[u32], c: &[f32], ld: usize) {
    let Size {
        rows,
        columns,
        pairs,
    } = size;
    assert!(rows.is_multiple_of(ROWS) && columns.is_multiple_of(LANES));
    assert!(rows > 0 && columns > 0 && pairs > 0);
    let last = (rows / ROWS - 1) * a.block + (ROWS - 1) * a.row + (pairs - 1) * a.pair;
    assert!(a.data.len() > last, "left operand");
    assert!(b.len() >= pairs * columns, "right operand");
    assert!(
        ld >= columns && c.len() >= (rows - 1) * ld + columns,
        "result"
    );
}

/// The scalar twin of the AVX-512 code; equal up to the order of rounding.
pub fn scalar(size: Size, a: Left<'_>, b: &[u32], c: &mut [f32], ld: usize, accumulate: bool) {
    check(size, a, b, c, ld);
    let halves = |pair: u32| {
        [
            f32::from_bits(pair << 16),
            f32::from_bits(pair & 0xffff_0000),
        ]
    };
    for row in 0..size.rows {
        let at = row / ROWS * a.block + row % ROWS * a.row;
        for column in 0..size.columns {
            let (start, width) = panel(size.columns, size.pairs, column);
            let b = &b[start + column % PANEL..];
            let mut sum = 0.0;
            for k in 0..size.pairs {
                let ([a0, a1], [b0, b1]) = (halves(a.data[at + k * a.pair]), halves(b[k * width]));
                sum += a0 * b0 + a1 * b1;
            }
            let c = &mut c[row * ld + column];
            *c = if accumulate { *c + sum } else { sum };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
        _mm512_storeu_ps,
    };

    use super::{LANES, Left, PANEL, ROWS, Size};

    /// # Safety
    /// AVX-512 F and BF16 must be there, and `super::check` must hold.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub unsafe fn product(
        size: Size,
        a: Left<'_>,
        b: &[u32],
        c: &mut [f32],
        ld: usize,
        accumulate: bool,
    ) {
        for block in 0..size.rows / ROWS {
            for first in (0..size.columns).step_by(PANEL) {
                let width = PANEL.min(size.columns - first);
                // SAFETY: `check` holds, so the block's rows are inside `a` and `c`, and the panel
                // of `width` columns starting at `first * pairs` is inside `b`.
                unsafe {
                    let a_ptr = a.data.as_ptr().add(block * a.block);
                    let b_ptr = b.as_ptr().add(first * size.pairs);
                    let c_ptr = c.as_mut_ptr().add(block * ROWS * ld + first);
                    let tile = match width / LANES {
                        1 => tile::<1>,
                        2 => tile::<2>,
                        _ => tile::<3>,
                    };
                    tile(
                        size.pairs,
                        a_ptr,
                        (a.row, a.pair),
                        b_ptr,
                        (c_ptr, ld),
                        accumulate,
                    );
                }
            }
        }
    }

    fn bf16(pairs: __m512i) -> __m512bh {
        // SAFETY: both are 512 bits without invalid values.
        unsafe { std::mem::transmute(pairs) }
    }

    /// One tile of [`ROWS`] rows and `16 V` columns.
    ///
    /// # Safety
    /// As [`product`]; the pointers are the tile's first elements.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn tile<const V: usize>(
        pairs: usize,
        a: *const u32,
        (a_row, a_pair): (usize, usize),
        b: *const u32,
        (c, ld): (*mut f32, usize),
        accumulate: bool,
    ) {
        let mut sums: [[__m512; V]; ROWS] = [[_mm512_setzero_ps(); V]; ROWS];
        for k in 0..pairs {
            // No closure here: it would not be inlined with these features.
            let mut columns: [__m512bh; V] = [bf16(_mm512_setzero_si512()); V];
            for (v, columns) in columns.iter_mut().enumerate() {
                // SAFETY: inside the right operand, see `product`.
                *columns = bf16(unsafe { _mm512_loadu_si512(b.add((k * V + v) * LANES).cast()) });
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: inside the left operand, see `product`.
                let pair = unsafe { *a.add(r * a_row + k * a_pair) };
                let pair = bf16(_mm512_set1_epi32(pair.cast_signed()));
                for v in 0..V {
                    sums[v] = _mm512_dpbf16_ps(sums[v], pair, columns[v]);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: inside the result, see `product`.
                unsafe {
                    let c = c.add(r * ld + v * LANES);
                    let sum = if accumulate {
                        _mm512_add_ps(_mm512_loadu_ps(c), *sum)
                    } else {
                        *sum
                    };
                    _mm512_storeu_ps(c, sum);
                }
            }
        }
    }
}
