//! The gradient for the kernel: the products of shifted pictures with the output's gradient, summed
//! over positions.

use rayon::prelude::*;

use super::super::conv::ConvShape;
use super::super::{CHUNK, add_in_order};
use super::block::{Block, Rows};
use super::correlation::Correlation;
use super::image::{Padded, pair};
use super::tile::{self, LANES, Left, PANEL, ROWS, Size};

/// Pictures per partial weight gradient: fewer, larger sums than [`CHUNK`] gives.
const GRADIENT_CHUNK: usize = 4 * CHUNK;

/// Gradient of [`conv`](super::conv) for the kernel.
pub fn conv_backward_w(x: &[f32], dy: &[f32], q: &ConvShape) -> Vec<f32> {
    let padded = Padded {
        channels: q.inputs,
        size: q.size,
        padding: Correlation::forward(q).padding(),
    };
    let depth = q.inputs * q.kernel * q.kernel;
    let (in_len, out_len) = (
        q.inputs * q.size[0] * q.size[1],
        q.outputs * q.out[0] * q.out[1],
    );
    let work = x
        .par_chunks(GRADIENT_CHUNK * in_len)
        .zip(dy.par_chunks(GRADIENT_CHUNK * out_len));
    let partial: Vec<Vec<f32>> = work
        .map(|(x, dy)| partial_backward_w(x, dy, q, padded, depth))
        .collect();
    let sum = add_in_order(partial);
    let columns = q.outputs.next_multiple_of(LANES);
    let mut dw = vec![0f32; q.outputs * depth];
    for (out, dw) in dw.chunks_exact_mut(depth).enumerate() {
        for (d, dw) in dw.iter_mut().enumerate() {
            *dw = sum[d * columns + out];
        }
    }
    dw
}

/// The transposed gradient `[depth, outputs]`, padded to whole tiles, of some pictures.
fn partial_backward_w(
    x: &[f32],
    dy: &[f32],
    q: &ConvShape,
    padded: Padded,
    depth: usize,
) -> Vec<f32> {
    let [out_h, out_w] = q.out;
    let (in_len, out_len) = (q.inputs * q.size[0] * q.size[1], q.outputs * out_h * out_w);
    let rows = Rows {
        height: out_h,
        width: out_w,
        stride: q.geometry.stride,
    };
    let shift = padded.padding - q.geometry.padding;
    let taps: Vec<usize> = (0..q.kernel * q.kernel)
        .map(|i| (i / q.kernel + shift) * padded.width() + i % q.kernel + shift)
        .collect();
    let (padded_depth, columns) = (
        depth.next_multiple_of(ROWS),
        q.outputs.next_multiple_of(LANES),
    );
    let image_len = q.inputs * padded.plane();
    let most = rows.most_columns();
    let mut images = vec![0u16; CHUNK * image_len];
    let mut left = vec![0u32; padded_depth * most / 2];
    let mut right = vec![0u32; most / 2 * columns];
    let mut sum = vec![0f32; padded_depth * columns];
    for (x, dy) in x.chunks(CHUNK * in_len).zip(dy.chunks(CHUNK * out_len)) {
        for (image, x) in images
            .chunks_exact_mut(image_len)
            .zip(x.chunks_exact(in_len))
        {
            padded.write_singles(x, image);
        }
        for block in rows.blocks(x.len() / in_len) {
            let len = block.rows * out_w;
            let pairs = len.div_ceil(2);
            rows.gather_rows(
                block,
                &images,
                padded,
                &taps,
                2 * pairs,
                bytemuck::cast_slice_mut(&mut left[..depth * pairs]),
            );
            gather_gradient(rows, block, dy, q, &mut right);
            let size = Size {
                rows: padded_depth,
                columns,
                pairs,
            };
            let left = Left {
                data: &left,
                block: ROWS * pairs,
                row: pairs,
                pair: 1,
            };
            tile::product(size, left, &right, &mut sum, columns, true);
        }
    }
    sum
}

/// Writes the gradient at a block's positions as right operand: pairs of positions by output
/// channel, in panels.
fn gather_gradient(rows: Rows, block: Block, dy: &[f32], q: &ConvShape, to: &mut [u32]) {
    let [out_h, out_w] = q.out;
    let pairs = (block.rows * out_w).div_ceil(2);
    let columns = q.outputs.next_multiple_of(LANES);
    let mut line = vec![0f32; 2 * pairs];
    for first in (0..columns).step_by(PANEL) {
        let width = PANEL.min(columns - first);
        let panel = &mut to[first * pairs..][..width * pairs];
        for c in 0..width {
            if first + c >= q.outputs {
                panel
                    .iter_mut()
                    .skip(c)
                    .step_by(width)
                    .for_each(|to| *to = 0);
                continue;
            }
            for i in 0..block.rows {
                let [picture, y] = rows.place(block, i);
                let start = ((picture * q.outputs + first + c) * out_h + y) * out_w;
                line[i * out_w..][..out_w].copy_from_slice(&dy[start..][..out_w]);
            }
            for (k, values) in line.chunks_exact(2).enumerate() {
                panel[k * width + c] = pair(values[0], values[1]);
            }
        }
    }
}
