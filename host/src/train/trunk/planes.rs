//! Everything else on maps: sums, means, scales, pools.

use rayon::prelude::*;

use super::map::{Map, Shape, narrow, widen};
use super::{CHUNK, vectorized};

/// `f` of every value of `a` and `b`.
fn zip_map(a: &Map, b: &Map, f: impl Fn(f32, f32) -> f32 + Sync) -> Map {
    let mut y = Map::new(a.shape);
    let chunk = CHUNK * a.shape.picture();
    let work = y.data.values_mut().par_chunks_mut(chunk);
    let work = work
        .zip(a.data.values().par_chunks(chunk))
        .zip(b.data.values().par_chunks(chunk));
    work.for_each(|((y, a), b)| {
        vectorized(
            #[inline(always)]
            || {
                for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                    *y = narrow(f(widen(*a), widen(*b)));
                }
            },
        );
    });
    y
}

/// `a + b`.
pub fn add(a: &Map, b: &Map) -> Map {
    zip_map(a, b, |a, b| a + b)
}

/// `max(a + b, 0)`.
pub fn add_relu(a: &Map, b: &Map) -> Map {
    zip_map(a, b, |a, b| (a + b).max(0.0))
}

/// `dy` where `y > 0`, else 0.
pub fn relu_backward(y: &Map, dy: &Map) -> Map {
    zip_map(y, dy, |y, dy| if y > 0.0 { dy } else { 0.0 })
}

/// Every channel of every picture of `x` times its entry of `scales`, `[N, C]`, plus that of
/// `shifts`.
pub fn scale(x: &Map, scales: &[f32], shifts: Option<&[f32]>) -> Map {
    let mut y = Map::new(x.shape);
    let (picture, channels) = (x.shape.picture(), x.shape.channels);
    let work = y.data.values_mut().par_chunks_mut(picture);
    let work = work.zip(x.data.values().par_chunks(picture)).enumerate();
    let none = vec![0f32; channels];
    work.with_min_len(CHUNK).for_each(|(i, (y, x))| {
        let scales = &scales[i * channels..][..channels];
        let shifts = shifts.map_or(&none[..], |s| &s[i * channels..][..channels]);
        vectorized(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    for ((y, x), (scale, shift)) in
                        y.iter_mut().zip(x).zip(scales.iter().zip(shifts))
                    {
                        *y = narrow(widen(*x) * scale + shift);
                    }
                }
            },
        );
    });
    y
}

/// Sums over the positions of `f` of every value of `a` and `b`, `[N, C]`.
fn position_sums(a: &Map, b: &Map, f: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let (picture, channels) = (a.shape.picture(), a.shape.channels);
    let mut sums = vec![0f32; a.shape.n * channels];
    let work = sums.par_chunks_mut(channels);
    let work = work
        .zip(a.data.values().par_chunks(picture))
        .zip(b.data.values().par_chunks(picture));
    work.with_min_len(CHUNK).for_each(|((sums, a), b)| {
        vectorized(
            #[inline(always)]
            || {
                for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
                    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                        *sum += f(widen(*a), widen(*b));
                    }
                }
            },
        );
    });
    sums
}

/// Mean over the positions, `[N, C]`.
pub fn mean(x: &Map) -> Vec<f32> {
    let positions = x.shape.positions() as f32;
    let mut sums = position_sums(x, x, |x, _| x);
    sums.iter_mut().for_each(|sum| *sum /= positions);
    sums
}

/// Inner product over the positions, `[N, C]`.
pub fn dots(a: &Map, b: &Map) -> Vec<f32> {
    position_sums(a, b, |a, b| a * b)
}

/// The same value, `[N, C]`, at every position.
pub fn spread(values: &[f32], shape: Shape) -> Map {
    let mut y = Map::new(shape);
    let pictures = y.data.values_mut().chunks_exact_mut(shape.picture());
    for (y, values) in pictures.zip(values.chunks_exact(shape.channels)) {
        for y in y.chunks_exact_mut(shape.channels) {
            for (y, value) in y.iter_mut().zip(values) {
                *y = narrow(*value);
            }
        }
    }
    y
}

/// Size after 2x2 pooling; a last odd row or column is dropped.
fn pooled(shape: Shape) -> Shape {
    Shape {
        size: shape.size.map(|s| s / 2),
        ..shape
    }
}

/// 2x2 pooling with `f` of a window's values in reading order.
fn pool(x: &Map, f: impl Fn([f32; 4]) -> f32 + Sync) -> Map {
    let (from, to) = (x.shape, pooled(x.shape));
    let (row, channels) = (from.size[1] * from.channels, from.channels);
    let mut y = Map::new(to);
    let work = y.data.values_mut().par_chunks_mut(to.picture());
    let work = work.zip(x.data.values().par_chunks(from.picture()));
    work.with_min_len(CHUNK).for_each(|(y, x)| {
        vectorized(
            #[inline(always)]
            || {
                let rows = y.chunks_exact_mut(to.size[1] * channels);
                for (y, x) in rows.zip(x.chunks_exact(2 * row)) {
                    let (top, bottom) = x.split_at(row);
                    let windows = top
                        .chunks_exact(2 * channels)
                        .zip(bottom.chunks_exact(2 * channels));
                    for (y, (top, bottom)) in y.chunks_exact_mut(channels).zip(windows) {
                        let ((a, b), (c, d)) = (top.split_at(channels), bottom.split_at(channels));
                        let values = a.iter().zip(b).zip(c.iter().zip(d));
                        for (y, ((a, b), (c, d))) in y.iter_mut().zip(values) {
                            *y = narrow(f([*a, *b, *c, *d].map(widen)));
                        }
                    }
                }
            },
        );
    });
    y
}

/// Gradient of pooling `x`; `f` gives those of a window's values from the values and the window's.
fn pool_backward(x: &Map, dy: &Map, f: impl Fn([f32; 4], f32) -> [f32; 4] + Sync) -> Map {
    let (from, to) = (x.shape, pooled(x.shape));
    let (row, channels) = (from.size[1] * from.channels, from.channels);
    let mut dx = Map::new(from);
    let work = dx.data.values_mut().par_chunks_mut(from.picture());
    let work = work
        .zip(x.data.values().par_chunks(from.picture()))
        .zip(dy.data.values().par_chunks(to.picture()));
    work.with_min_len(CHUNK).for_each(|((dx, x), dy)| {
        if !from.size.iter().all(|s| s.is_multiple_of(2)) {
            dx.fill(0);
        }
        vectorized(
            #[inline(always)]
            || {
                let rows = dx.chunks_exact_mut(2 * row).zip(x.chunks_exact(2 * row));
                for ((dx, x), dy) in rows.zip(dy.chunks_exact(to.size[1] * channels)) {
                    let (top, bottom) = x.split_at(row);
                    let (dx_top, dx_bottom) = dx.split_at_mut(row);
                    let width = 2 * channels;
                    let values = top.chunks_exact(width).zip(bottom.chunks_exact(width));
                    let gradients = dx_top
                        .chunks_exact_mut(width)
                        .zip(dx_bottom.chunks_exact_mut(width));
                    let windows = gradients.zip(values).zip(dy.chunks_exact(channels));
                    for (((dx_top, dx_bottom), (top, bottom)), dy) in windows {
                        let ((a, b), (c, d)) = (top.split_at(channels), bottom.split_at(channels));
                        let (da, db) = dx_top.split_at_mut(channels);
                        let (dc, dd) = dx_bottom.split_at_mut(channels);
                        for i in 0..channels {
                            let values = [a[i], b[i], c[i], d[i]].map(widen);
                            let [ga, gb, gc, gd] = f(values, widen(dy[i])).map(narrow);
                            (da[i], db[i], dc[i], dd[i]) = (ga, gb, gc, gd);
                        }
                    }
                }
            },
        );
    });
    dx
}

/// 2x2 maximum pooling.
pub fn max_pool(x: &Map) -> Map {
    pool(x, |[a, b, c, d]| a.max(b).max(c.max(d)))
}

/// Gradient of [`max_pool`]; it goes to the first maximum of each window in reading order.
pub fn max_pool_backward(x: &Map, dy: &Map) -> Map {
    // Without branches, so that it is vectorized.
    pool_backward(x, dy, |[a, b, c, d], dy| {
        let most = a.max(b).max(c.max(d));
        let (is_a, is_b, is_c) = (a == most, b == most, c == most);
        let to = |chosen: bool| if chosen { dy } else { 0.0 };
        [
            to(is_a),
            to(!is_a & is_b),
            to(!is_a & !is_b & is_c),
            to(!is_a & !is_b & !is_c),
        ]
    })
}

/// 2x2 mean pooling.
pub fn avg_pool(x: &Map) -> Map {
    pool(x, |values| 0.25 * values.iter().sum::<f32>())
}

/// Gradient of [`avg_pool`].
pub fn avg_pool_backward(x: &Map, dy: &Map) -> Map {
    pool_backward(x, dy, |_, d| [0.25 * d; 4])
}
