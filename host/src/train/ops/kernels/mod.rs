//! CPU kernels over plain `f32` slices: im2col convolution, BatchNorm, pooling.
//!
//! Work is cut into fixed chunks of [`CHUNK`] pictures and partial sums are added in order, so the
//! result does not depend on the number of threads.

mod conv;
mod norm;
mod planes;
mod pool;
mod scratch;

pub use conv::{ConvShape, conv, conv_backward};
pub use norm::{Norm, batch_norm_backward, channel_moments, scale_shift};
pub use planes::{plane_dots, scale_planes};
pub use pool::{avg_pool2, avg_pool2_backward, max_pool2, max_pool2_backward};
pub use scratch::with_scratch;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

/// What a trunk's maps and factors are rounded to while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Not at all.
    F32,
    /// bfloat16, where the CPU multiplies it; `f32` elsewhere.
    Bf16,
}

static BF16: AtomicBool = AtomicBool::new(false);

/// Sets the precision of all further training of this process; [`Precision::F32`] at first.
/// Returns what will be used on this CPU.
pub fn set_precision(precision: Precision) -> Precision {
    let bf16 = precision == Precision::Bf16 && crate::train::trunk::available();
    BF16.store(bf16, Ordering::Relaxed);
    if bf16 {
        Precision::Bf16
    } else {
        Precision::F32
    }
}

pub fn rounds() -> bool {
    BF16.load(Ordering::Relaxed)
}

/// Pictures per work item; a constant, so that sums do not depend on the thread count.
const CHUNK: usize = 8;

/// Sums equally long vectors, first to last.
pub fn add_in_order<T: Copy + std::ops::AddAssign>(partial: Vec<Vec<T>>) -> Vec<T> {
    let mut partial = partial.into_iter();
    let mut sum = partial.next().unwrap_or_default();
    for part in partial {
        for (sum, part) in sum.iter_mut().zip(part) {
            *sum += part;
        }
    }
    sum
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
