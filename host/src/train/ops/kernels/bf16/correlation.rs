//! A convolution or its gradient for the pictures, as correlations on lattices of outputs.

use rayon::prelude::*;

use super::super::CHUNK;
use super::super::conv::ConvShape;
use super::block::Rows;
use super::image::{Padded, pair};
use super::tile::{self, Left, ROWS, Size};

/// Taps of a correlation that produces every `step`th output row and column from `offset` on.
struct Lattice {
    /// First output row and column.
    offset: [usize; 2],
    /// Offset in the source picture and the kernel's element, in y and x.
    taps: Vec<([isize; 2], [usize; 2])>,
    /// Output rows and columns.
    size: [usize; 2],
}

/// A correlation of pictures with a kernel, as lattices of outputs.
pub struct Correlation {
    /// Pictures.
    n: usize,
    /// Channels in and out.
    channels: [usize; 2],
    /// Source height and width.
    size: [usize; 2],
    /// Output height and width.
    out: [usize; 2],
    /// Source step between neighbouring outputs of a lattice.
    stride: usize,
    /// Output step between neighbouring outputs of a lattice.
    step: usize,
    lattices: Vec<Lattice>,
}

impl Correlation {
    /// The convolution.
    pub fn forward(q: &ConvShape) -> Self {
        let padding = q.geometry.padding as isize;
        let all = (0..q.kernel * q.kernel).map(|i| {
            let at = [i / q.kernel, i % q.kernel];
            (at.map(|k| k as isize - padding), at)
        });
        Self {
            n: q.n,
            channels: [q.inputs, q.outputs],
            size: q.size,
            out: q.out,
            stride: q.geometry.stride,
            step: 1,
            lattices: vec![Lattice {
                offset: [0, 0],
                taps: all.collect(),
                size: q.out,
            }],
        }
    }

    /// The gradient for the pictures: `dx[i] = sum over k of w[k] dy[(i + padding - k) / stride]`
    /// where that division is exact, so one lattice per remainder.
    pub fn gradient(q: &ConvShape) -> Self {
        let (stride, padding) = (q.geometry.stride, q.geometry.padding);
        let line = |remainder: usize| -> Vec<(isize, usize)> {
            (0..q.kernel)
                .filter_map(|k| {
                    let distance = remainder as isize + padding as isize - k as isize;
                    (distance.rem_euclid(stride as isize) == 0)
                        .then(|| (distance.div_euclid(stride as isize), k))
                })
                .collect()
        };
        let lattices = (0..stride * stride).filter_map(|i| {
            let offset = [i / stride, i % stride];
            let size = [0, 1].map(|a| q.size[a].saturating_sub(offset[a]).div_ceil(stride));
            let (rows, columns) = (line(offset[0]), line(offset[1]));
            let taps: Vec<_> = rows
                .iter()
                .flat_map(|(y, ky)| columns.iter().map(move |(x, kx)| ([*y, *x], [*ky, *kx])))
                .collect();
            (!taps.is_empty() && size[0] > 0 && size[1] > 0).then_some(Lattice {
                offset,
                taps,
                size,
            })
        });
        Self {
            n: q.n,
            channels: [q.outputs, q.inputs],
            size: q.out,
            out: q.size,
            stride: 1,
            step: stride,
            lattices: lattices.collect(),
        }
    }

    /// Zero rows and columns that every tap stays inside of.
    pub fn padding(&self) -> usize {
        let all = self.lattices.iter().flat_map(|lattice| {
            let beyond = move |a: usize, offset: isize| {
                let last = ((lattice.size[a] - 1) * self.stride) as isize + offset;
                (-offset).max(last - (self.size[a] as isize - 1))
            };
            let taps = lattice.taps.iter();
            taps.map(move |(offset, _)| beyond(0, offset[0]).max(beyond(1, offset[1])))
        });
        all.max().unwrap_or(0).max(0) as usize
    }

    /// Runs it; `weight(out, in, ky, kx)` is the kernel.
    pub fn run(&self, x: &[f32], weight: impl Fn(usize, usize, [usize; 2]) -> f32) -> Vec<f32> {
        let [inputs, outputs] = self.channels;
        let padded = Padded {
            channels: inputs,
            size: self.size,
            padding: self.padding(),
        };
        let kernels: Vec<Vec<u32>> = self
            .lattices
            .iter()
            .map(|lattice| pack(padded, outputs, lattice, &weight))
            .collect();
        let (in_len, out_len) = (
            inputs * self.size[0] * self.size[1],
            outputs * self.out[0] * self.out[1],
        );
        let mut y = vec![0f32; self.n * out_len];
        let work = y
            .par_chunks_mut(CHUNK * out_len)
            .zip(x.par_chunks(CHUNK * in_len));
        work.for_each(|(y, x)| {
            let image_len = padded.pair_planes() * padded.plane();
            let mut images = vec![0u32; x.len() / in_len * image_len];
            for (image, x) in images
                .chunks_exact_mut(image_len)
                .zip(x.chunks_exact(in_len))
            {
                padded.write_pairs(x, image);
            }
            for (lattice, kernel) in self.lattices.iter().zip(&kernels) {
                self.lattice(lattice, kernel, padded, &images, y);
            }
        });
        y
    }

    fn lattice(
        &self,
        lattice: &Lattice,
        kernel: &[u32],
        padded: Padded,
        images: &[u32],
        y: &mut [f32],
    ) {
        let outputs = self.channels[1];
        let out_len = outputs * self.out[0] * self.out[1];
        let pictures = y.len() / out_len;
        let rows = Rows {
            height: lattice.size[0],
            width: lattice.size[1],
            stride: self.stride,
        };
        let padding = padded.padding as isize;
        let taps: Vec<usize> = lattice
            .taps
            .iter()
            .map(|([dy, dx], _)| {
                ((dy + padding) as usize) * padded.width() + (dx + padding) as usize
            })
            .collect();
        let pairs = padded.pair_planes() * taps.len();
        let (padded_outputs, most) = (outputs.next_multiple_of(ROWS), rows.most_columns());
        let mut columns = vec![0u32; pairs * most];
        let mut tile = vec![0f32; padded_outputs * most];
        let left = Left {
            data: kernel,
            block: ROWS * pairs,
            row: 1,
            pair: ROWS,
        };
        for block in rows.blocks(pictures) {
            rows.gather(block, images, padded, &taps, &mut columns);
            let size = Size {
                rows: padded_outputs,
                columns: rows.columns(block.rows),
                pairs,
            };
            // Whole rows of one picture are written where they belong.
            let [picture, row] = rows.place(block, 0);
            let plane = self.out[0] * self.out[1];
            if self.step == 1 && padded_outputs == outputs && rows.is_exact(block) {
                let start = picture * out_len + row * self.out[1];
                tile::product(size, left, &columns, &mut y[start..], plane, false);
                continue;
            }
            tile::product(size, left, &columns, &mut tile, size.columns, false);
            for i in 0..block.rows {
                let [picture, row] = rows.place(block, i);
                let at = row * self.step + lattice.offset[0];
                for c in 0..outputs {
                    let from = &tile[c * size.columns + i * rows.width..][..rows.width];
                    let start = picture * out_len + (c * self.out[0] + at) * self.out[1];
                    let to = &mut y[start + lattice.offset[1]..];
                    if self.step == 1 {
                        to[..rows.width].copy_from_slice(from);
                    } else {
                        for (to, from) in to.iter_mut().step_by(self.step).zip(from) {
                            *to = *from;
                        }
                    }
                }
            }
        }
    }
}

/// The kernel of a lattice as left operand: blocks of [`ROWS`] outputs, pairs of input channels.
fn pack(
    padded: Padded,
    outputs: usize,
    lattice: &Lattice,
    weight: &impl Fn(usize, usize, [usize; 2]) -> f32,
) -> Vec<u32> {
    let value = |out: usize, input: usize, at| {
        if out < outputs && input < padded.channels {
            weight(out, input, at)
        } else {
            0.0
        }
    };
    let mut packed = vec![];
    for block in (0..outputs).step_by(ROWS) {
        for channel in 0..padded.pair_planes() {
            for (_, at) in &lattice.taps {
                packed.extend((block..block + ROWS).map(|out| {
                    pair(
                        value(out, 2 * channel, *at),
                        value(out, 2 * channel + 1, *at),
                    )
                }));
            }
        }
    }
    packed
}
