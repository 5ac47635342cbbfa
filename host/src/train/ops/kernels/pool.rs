//! 2x2 pooling.

use rayon::prelude::*;

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

/// 2x2 mean pooling of `[planes, height, width]`; a last odd row or column is dropped.
pub fn avg_pool2(x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let (out_h, out_w) = (height / 2, width / 2);
    let planes = x.len() / (height * width);
    let mut y = vec![0f32; planes * out_h * out_w];
    let work = y
        .par_chunks_mut(out_h * out_w)
        .zip(x.par_chunks(height * width));
    work.with_min_len(64).for_each(|(y, x)| {
        for (y, rows) in y.chunks_exact_mut(out_w).zip(x.chunks_exact(2 * width)) {
            let (top, bottom) = rows.split_at(width);
            let windows = top.chunks_exact(2).zip(bottom.chunks_exact(2));
            for (y, (a, b)) in y.iter_mut().zip(windows) {
                *y = 0.25 * (a[0] + a[1] + b[0] + b[1]);
            }
        }
    });
    y
}

/// Gradient of [`avg_pool2`] for an input of `height` and `width`.
pub fn avg_pool2_backward(dy: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let (out_h, out_w) = (height / 2, width / 2);
    let plane = height * width;
    let mut dx = vec![0f32; dy.len() / (out_h * out_w) * plane];
    let work = dx.par_chunks_mut(plane).zip(dy.par_chunks(out_h * out_w));
    work.with_min_len(64).for_each(|(dx, dy)| {
        for (rows, dy) in dx.chunks_exact_mut(2 * width).zip(dy.chunks_exact(out_w)) {
            for (column, d) in dy.iter().enumerate() {
                for at in [2 * column, 2 * column + 1] {
                    rows[at] = 0.25 * d;
                    rows[width + at] = 0.25 * d;
                }
            }
        }
    });
    dx
}
