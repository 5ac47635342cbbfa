//! Convolution as im2col and matrix products.

use rayon::prelude::*;

use super::{CHUNK, add_in_order, with_scratch};
use crate::train::ops::ConvGeometry;

/// Matrix columns that keep a product efficient; small maps are joined up to this many.
const COLUMNS: usize = 1152;

/// A strided matrix operand: element `(r, c)` is `data[r * row + c * col]`.
#[derive(Clone, Copy)]
struct Operand<'a> {
    data: &'a [f32],
    row: usize,
    col: usize,
}

impl Operand<'_> {
    fn covers(&self, rows: usize, cols: usize) -> bool {
        self.data.len() > (rows - 1) * self.row + (cols - 1) * self.col
    }
}

/// `c[m, n] = a[m, k] b[k, n]`, added to `c` if `accumulate`; `c` is row-major.
fn matmul([m, n, k]: [usize; 3], c: &mut [f32], a: Operand<'_>, b: Operand<'_>, accumulate: bool) {
    assert!(m > 0 && n > 0 && k > 0);
    assert!(c.len() >= m * n && a.covers(m, k) && b.covers(k, n));
    // SAFETY: the assertions above bound every element that is read or written; `c` is borrowed
    // mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.data.as_ptr(),
            a.col as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.col as isize,
            b.row as isize,
            if accumulate { 1.0 } else { 0.0 },
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Sizes of one convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    /// Pictures.
    pub n: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Input height and width.
    pub size: [usize; 2],
    /// Output height and width.
    pub out: [usize; 2],
    /// Kernel side.
    pub kernel: usize,
    /// Stride and padding.
    pub geometry: ConvGeometry,
}

impl ConvShape {
    /// From the shapes of `x` `[N, C, H, W]` and `w` `[out, C, K, K]`.
    pub fn new(x: [usize; 4], w: [usize; 4], geometry: ConvGeometry) -> Self {
        let [n, inputs, height, width] = x;
        let [outputs, w_inputs, kernel, kernel_width] = w;
        assert!(
            w_inputs == inputs && kernel == kernel_width,
            "kernel {w:?} on input {x:?}"
        );
        let padded = height.min(width) + 2 * geometry.padding;
        assert!(
            padded >= kernel,
            "kernel {kernel} on padded input of {padded}"
        );
        let out = [
            geometry.output(height, kernel),
            geometry.output(width, kernel),
        ];
        Self {
            n,
            inputs,
            outputs,
            size: [height, width],
            out,
            kernel,
            geometry,
        }
    }

    fn in_len(&self) -> usize {
        self.inputs * self.size[0] * self.size[1]
    }

    fn positions(&self) -> usize {
        self.out[0] * self.out[1]
    }

    fn out_len(&self) -> usize {
        self.outputs * self.positions()
    }

    /// Rows of the im2col matrix.
    fn depth(&self) -> usize {
        self.inputs * self.kernel * self.kernel
    }

    /// Pictures per matrix product.
    fn group(&self) -> usize {
        (COLUMNS / self.positions()).clamp(1, CHUNK)
    }

    /// Calls `f(matrix row, output y, source row start, first output x, first source x, count)` for
    /// every run of output pixels of one tap that falls inside the picture.
    fn taps(&self, mut f: impl FnMut(usize, usize, usize, usize, usize, usize)) {
        let ([height, width], [out_h, out_w]) = (self.size, self.out);
        let ConvGeometry { stride, padding } = self.geometry;
        for channel in 0..self.inputs {
            for ky in 0..self.kernel {
                for kx in 0..self.kernel {
                    let row = (channel * self.kernel + ky) * self.kernel + kx;
                    let first = padding.saturating_sub(kx).div_ceil(stride);
                    let end = if width + padding > kx {
                        (width + padding - kx).div_ceil(stride).min(out_w)
                    } else {
                        0
                    };
                    if first >= end {
                        continue;
                    }
                    let source_x = first * stride + kx - padding;
                    for y in 0..out_h {
                        let source_y = y * stride + ky;
                        if source_y < padding || source_y - padding >= height {
                            continue;
                        }
                        let start = (channel * height + source_y - padding) * width;
                        f(row, y, start, first, source_x, end - first);
                    }
                }
            }
        }
    }

    /// Writes one picture into columns `offset..offset + positions` of the `[depth, ld]` matrix.
    fn im2col(&self, x: &[f32], col: &mut [f32], ld: usize, offset: usize) {
        if self.geometry.padding > 0 {
            for row in 0..self.depth() {
                col[row * ld + offset..][..self.positions()].fill(0.0);
            }
        }
        let (stride, out_w) = (self.geometry.stride, self.out[1]);
        self.taps(|row, y, start, first, source_x, count| {
            let to = &mut col[row * ld + offset + y * out_w + first..][..count];
            let from = &x[start + source_x..];
            if stride == 1 {
                to.copy_from_slice(&from[..count]);
            } else {
                for (to, from) in to.iter_mut().zip(from.iter().step_by(stride)) {
                    *to = *from;
                }
            }
        });
    }

    /// Adds the columns back into one picture: the transpose of [`im2col`](Self::im2col).
    fn col2im(&self, col: &[f32], ld: usize, offset: usize, x: &mut [f32]) {
        x.fill(0.0);
        let (stride, out_w) = (self.geometry.stride, self.out[1]);
        self.taps(|row, y, start, first, source_x, count| {
            let from = &col[row * ld + offset + y * out_w + first..][..count];
            let to = &mut x[start + source_x..];
            if stride == 1 {
                for (to, from) in to[..count].iter_mut().zip(from) {
                    *to += from;
                }
            } else {
                for (to, from) in to.iter_mut().step_by(stride).zip(from) {
                    *to += from;
                }
            }
        });
    }
}

/// Rearranges `[group, channels, positions]` into `[channels, group * positions]`.
fn gather(from: &[f32], group: usize, channels: usize, positions: usize, to: &mut [f32]) {
    for g in 0..group {
        for c in 0..channels {
            to[(c * group + g) * positions..][..positions]
                .copy_from_slice(&from[(g * channels + c) * positions..][..positions]);
        }
    }
}

/// The inverse of [`gather`].
fn scatter(from: &[f32], group: usize, channels: usize, positions: usize, to: &mut [f32]) {
    for g in 0..group {
        for c in 0..channels {
            to[(g * channels + c) * positions..][..positions]
                .copy_from_slice(&from[(c * group + g) * positions..][..positions]);
        }
    }
}

/// Convolution `[N, outputs, out_h, out_w]`.
pub fn conv(x: &[f32], w: &[f32], q: ConvShape) -> Vec<f32> {
    let (depth, positions, group) = (q.depth(), q.positions(), q.group());
    let weights = Operand {
        data: w,
        row: depth,
        col: 1,
    };
    let mut y = vec![0f32; q.n * q.out_len()];
    let chunks = y
        .par_chunks_mut(CHUNK * q.out_len())
        .zip(x.par_chunks(CHUNK * q.in_len()));
    chunks.for_each(|(y, x)| {
        with_scratch(
            (depth + q.outputs) * group * positions,
            |buffer: &mut [f32]| {
                let (col, product) = buffer.split_at_mut(depth * group * positions);
                for (y, x) in y
                    .chunks_mut(group * q.out_len())
                    .zip(x.chunks(group * q.in_len()))
                {
                    let count = x.len() / q.in_len();
                    let ld = count * positions;
                    for (i, x) in x.chunks_exact(q.in_len()).enumerate() {
                        q.im2col(x, col, ld, i * positions);
                    }
                    let columns = Operand {
                        data: col,
                        row: ld,
                        col: 1,
                    };
                    if count == 1 {
                        matmul([q.outputs, ld, depth], y, weights, columns, false);
                    } else {
                        matmul([q.outputs, ld, depth], product, weights, columns, false);
                        scatter(product, count, q.outputs, positions, y);
                    }
                }
            },
        );
    });
    y
}

/// Gradients of [`conv`] for the picture and the kernel, each only if `wanted`.
pub fn conv_backward(
    x: &[f32],
    w: &[f32],
    dy: &[f32],
    q: ConvShape,
    wanted: [bool; 2],
) -> [Option<Vec<f32>>; 2] {
    let (depth, positions, group) = (q.depth(), q.positions(), q.group());
    let weights_t = Operand {
        data: w,
        row: 1,
        col: depth,
    };
    let chunks = q.n.div_ceil(CHUNK);
    let mut dx = vec![0f32; if wanted[0] { q.n * q.in_len() } else { 0 }];
    // One slice of dx per chunk, empty where dx is not wanted.
    let dx_chunks: Vec<&mut [f32]> = if wanted[0] {
        dx.chunks_mut(CHUNK * q.in_len()).collect()
    } else {
        (0..chunks).map(|_| &mut [][..]).collect()
    };
    let work = dx_chunks
        .into_par_iter()
        .zip(x.par_chunks(CHUNK * q.in_len()))
        .zip(dy.par_chunks(CHUNK * q.out_len()));
    let partial: Vec<Vec<f32>> = work
        .map(|((dx, x), dy)| {
            with_scratch(
                (depth + q.outputs) * group * positions,
                |buffer: &mut [f32]| {
                    let (col, gathered) = buffer.split_at_mut(depth * group * positions);
                    let mut dw = vec![0f32; if wanted[1] { q.outputs * depth } else { 0 }];
                    let parts = x
                        .chunks(group * q.in_len())
                        .zip(dy.chunks(group * q.out_len()));
                    for (part, (x, dy)) in parts.enumerate() {
                        let count = x.len() / q.in_len();
                        let ld = count * positions;
                        let dy = if count == 1 {
                            dy
                        } else {
                            gather(dy, count, q.outputs, positions, gathered);
                            &*gathered
                        };
                        if wanted[1] {
                            for (i, x) in x.chunks_exact(q.in_len()).enumerate() {
                                q.im2col(x, col, ld, i * positions);
                            }
                            let rows = Operand {
                                data: dy,
                                row: ld,
                                col: 1,
                            };
                            let columns_t = Operand {
                                data: col,
                                row: 1,
                                col: ld,
                            };
                            matmul([q.outputs, depth, ld], &mut dw, rows, columns_t, true);
                        }
                        if wanted[0] {
                            let rows = Operand {
                                data: dy,
                                row: ld,
                                col: 1,
                            };
                            matmul([depth, ld, q.outputs], col, weights_t, rows, false);
                            for i in 0..count {
                                let at = (part * group + i) * q.in_len();
                                q.col2im(col, ld, i * positions, &mut dx[at..][..q.in_len()]);
                            }
                        }
                    }
                    dw
                },
            )
        })
        .collect();
    let dw = wanted[1].then(|| add_in_order(partial));
    [wanted[0].then_some(dx), dw]
}
