//! CPU kernels over plain `f32` slices: im2col convolution, BatchNorm, pooling.
//!
//! Work is cut into fixed chunks of [`CHUNK`] pictures and partial sums are added in order, so the
//! result does not depend on the number of threads.

use std::cell::RefCell;

use rayon::prelude::*;

use super::ConvGeometry;

/// Pictures per work item; a constant, so that sums do not depend on the thread count.
pub const CHUNK: usize = 8;

/// Matrix columns that keep a product efficient; small maps are joined up to this many.
const COLUMNS: usize = 1152;

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` on a per-thread buffer of at least `len` values with unspecified content.
fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.take();
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = f(&mut buffer[..len]);
    SCRATCH.set(buffer);
    result
}

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
        with_scratch((depth + q.outputs) * group * positions, |buffer| {
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
        });
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
            with_scratch((depth + q.outputs) * group * positions, |buffer| {
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
            })
        })
        .collect();
    let dw = wanted[1].then(|| add_in_order(partial));
    [wanted[0].then_some(dx), dw]
}

/// Sums equally long vectors, first to last.
fn add_in_order<T: Copy + std::ops::AddAssign>(partial: Vec<Vec<T>>) -> Vec<T> {
    let mut partial = partial.into_iter();
    let mut sum = partial.next().unwrap_or_default();
    for part in partial {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sum
}

/// Per-channel sums of two functions of the elements of `x` and `d`, both `[N, C, positions]`.
fn channel_sums(
    x: &[f32],
    d: &[f32],
    channels: usize,
    positions: usize,
    f: impl Fn(usize, f32, f32) -> (f32, f32) + Sync,
) -> Vec<f64> {
    let chunk = CHUNK * channels * positions;
    let partial = x.par_chunks(chunk).zip(d.par_chunks(chunk)).map(|(x, d)| {
        let mut sums = vec![0f64; 2 * channels];
        let rows = x.chunks_exact(positions).zip(d.chunks_exact(positions));
        for (row, (x, d)) in rows.enumerate() {
            let c = row % channels;
            let (mut u, mut v) = ([0f32; 16], [0f32; 16]);
            let (x16, d16) = (x.chunks_exact(16), d.chunks_exact(16));
            for (i, (x, d)) in x16.remainder().iter().zip(d16.remainder()).enumerate() {
                let (p, q) = f(c, *x, *d);
                u[i] += p;
                v[i] += q;
            }
            for (x, d) in x16.zip(d16) {
                for i in 0..16 {
                    let (p, q) = f(c, x[i], d[i]);
                    u[i] += p;
                    v[i] += q;
                }
            }
            sums[c] += f64::from(u.iter().sum::<f32>());
            sums[channels + c] += f64::from(v.iter().sum::<f32>());
        }
        sums
    });
    add_in_order(partial.collect())
}

/// Batch mean and biased variance per channel of `[N, C, positions]`.
pub fn channel_moments(x: &[f32], channels: usize, positions: usize) -> [Vec<f32>; 2] {
    let n = (x.len() / channels) as f64;
    // Shifted by each channel's first value: x^2 sums of far-from-zero channels would cancel.
    let base: Vec<f32> = (0..channels).map(|c| x[c * positions]).collect();
    let sums = channel_sums(x, x, channels, positions, |c, x, _| {
        let x = x - base[c];
        (x, x * x)
    });
    let mean = |c: usize| sums[c] / n;
    let var = |c: usize| (sums[channels + c] / n - mean(c).powi(2)).max(0.0) as f32;
    [
        (0..channels)
            .map(|c| (f64::from(base[c]) + mean(c)) as f32)
            .collect(),
        (0..channels).map(var).collect(),
    ]
}

/// `x scale + shift` per channel, clipped at 0 if `relu`.
pub fn scale_shift(
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    positions: usize,
    relu: bool,
) -> Vec<f32> {
    let channels = scale.len();
    let low = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut y = vec![0f32; x.len()];
    let chunk = CHUNK * channels * positions;
    y.par_chunks_mut(chunk)
        .zip(x.par_chunks(chunk))
        .for_each(|(y, x)| {
            let rows = y.chunks_exact_mut(positions).zip(x.chunks_exact(positions));
            for (row, (y, x)) in rows.enumerate() {
                let (scale, shift) = (scale[row % channels], shift[row % channels]);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = (x * scale + shift).max(low);
                }
            }
        });
    y
}

/// Per-channel values of a BatchNorm: `y = x scale + shift`, `xhat = (x - mean) inverse`.
pub struct Norm {
    /// `gamma / sqrt(var + eps)`.
    pub scale: Vec<f32>,
    /// `beta - mean scale`.
    pub shift: Vec<f32>,
    /// Batch mean.
    pub mean: Vec<f32>,
    /// `1 / sqrt(var + eps)`.
    pub inverse: Vec<f32>,
}

impl Norm {
    /// From the parameters and the batch statistics.
    pub fn new(gamma: &[f32], beta: &[f32], mean: &[f32], var: &[f32], epsilon: f64) -> Self {
        let inverse: Vec<f32> = var
            .iter()
            .map(|v| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32)
            .collect();
        let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
        let shift = (0..beta.len())
            .map(|c| beta[c] - mean[c] * scale[c])
            .collect();
        Self {
            scale,
            shift,
            mean: mean.to_vec(),
            inverse,
        }
    }
}

/// Gradients `[dx, dgamma, dbeta]` of BatchNorm (with ReLU if `relu`).
pub fn batch_norm_backward(
    x: &[f32],
    dy: &[f32],
    norm: &Norm,
    positions: usize,
    relu: bool,
) -> [Vec<f32>; 3] {
    let channels = norm.scale.len();
    let n = (x.len() / channels) as f32;
    let through = |c: usize, x: f32, d: f32| {
        if !relu || x * norm.scale[c] + norm.shift[c] > 0.0 {
            d
        } else {
            0.0
        }
    };
    let sums = channel_sums(x, dy, channels, positions, |c, x, d| {
        let d = through(c, x, d);
        (d, d * (x - norm.mean[c]) * norm.inverse[c])
    });
    let mut dx = vec![0f32; x.len()];
    let chunk = CHUNK * channels * positions;
    let work = dx
        .par_chunks_mut(chunk)
        .zip(x.par_chunks(chunk))
        .zip(dy.par_chunks(chunk));
    work.for_each(|((dx, x), dy)| {
        let rows = dx
            .chunks_exact_mut(positions)
            .zip(x.chunks_exact(positions))
            .zip(dy.chunks_exact(positions));
        for (row, ((dx, x), dy)) in rows.enumerate() {
            let c = row % channels;
            let mean_d = sums[c] as f32 / n;
            let mean_dx = sums[channels + c] as f32 / n * norm.inverse[c];
            let (scale, mean) = (norm.scale[c], norm.mean[c]);
            for ((dx, x), d) in dx.iter_mut().zip(x).zip(dy) {
                *dx = scale * (through(c, *x, *d) - mean_d - (x - mean) * mean_dx);
            }
        }
    });
    let to_f32 = |sums: &[f64]| sums.iter().map(|s| *s as f32).collect();
    [dx, to_f32(&sums[channels..]), to_f32(&sums[..channels])]
}

/// 2x2 maximum pooling of `[planes, height, width]`; a last odd row or column is dropped.
pub fn max_pool2(x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let (out_h, out_w) = (height / 2, width / 2);
    let planes = x.len() / (height * width);
    let mut y = vec![0f32; planes * out_h * out_w];
    let work = y
        .par_chunks_mut(out_h * out_w)
        .zip(x.par_chunks(height * width));
    work.with_min_len(64).for_each(|(y, x)| {
        for (y, rows) in y.chunks_exact_mut(out_w).zip(x.chunks_exact(2 * width)) {
            let (top, bottom) = rows.split_at(width);
            for ((y, a), b) in y
                .iter_mut()
                .zip(top.chunks_exact(2))
                .zip(bottom.chunks_exact(2))
            {
                *y = a[0].max(a[1]).max(b[0].max(b[1]));
            }
        }
    });
    y
}

/// Gradient of [`max_pool2`]; it goes to the first maximum of each window in reading order.
pub fn max_pool2_backward(x: &[f32], dy: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let (out_h, out_w) = (height / 2, width / 2);
    let mut dx = vec![0f32; x.len()];
    let plane = height * width;
    let work = dx
        .par_chunks_mut(plane)
        .zip(x.par_chunks(plane))
        .zip(dy.par_chunks(out_h * out_w));
    work.with_min_len(64).for_each(|((dx, x), dy)| {
        for (y, dy) in dy.chunks_exact(out_w).enumerate() {
            for (column, d) in dy.iter().enumerate() {
                let at = 2 * y * width + 2 * column;
                let window = [at, at + 1, at + width, at + width + 1];
                let first = window
                    .into_iter()
                    .reduce(|a, b| if x[b] > x[a] { b } else { a });
                dx[first.unwrap_or(at)] = *d;
            }
        }
    });
    dx
}

/// `max(a + b, 0)`.
pub fn add_relu(a: &[f32], b: &[f32]) -> Vec<f32> {
    zip_map(a, b, |a, b| (a + b).max(0.0))
}

/// `dy` where `y > 0`, else 0.
pub fn relu_backward(y: &[f32], dy: &[f32]) -> Vec<f32> {
    zip_map(y, dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
}

fn zip_map(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    const LEN: usize = 1 << 16;
    let mut y = vec![0f32; a.len()];
    let work = y
        .par_chunks_mut(LEN)
        .zip(a.par_chunks(LEN))
        .zip(b.par_chunks(LEN));
    work.for_each(|((y, a), b)| {
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = f(*a, *b);
        }
    });
    y
}
