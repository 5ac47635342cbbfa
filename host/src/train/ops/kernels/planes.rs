//! Operations with one number per plane, for squeeze-and-excitation and stochastic depth.

use rayon::prelude::*;

/// Fewest planes per work item.
const PLANES: usize = 64;

/// Every plane of `x` times its entry of `scales`; planes are equally long.
pub fn scale_planes(x: &[f32], scales: &[f32]) -> Vec<f32> {
    let positions = x.len() / scales.len();
    let mut y = vec![0f32; x.len()];
    let work = y
        .par_chunks_exact_mut(positions)
        .zip(x.par_chunks_exact(positions))
        .zip(scales);
    work.with_min_len(PLANES).for_each(|((y, x), scale)| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = x * scale;
        }
    });
    y
}

/// Inner product of each of `planes` planes of `a` with that of `b`.
pub fn plane_dots(a: &[f32], b: &[f32], planes: usize) -> Vec<f32> {
    let positions = a.len() / planes;
    a.par_chunks_exact(positions)
        .zip(b.par_chunks_exact(positions))
        .with_min_len(PLANES)
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum())
        .collect()
}
