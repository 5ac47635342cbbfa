//! Convolutions and their gradients for the pictures as correlations on lattices of outputs: which
//! tap reads what.

use crate::train::ops::ConvShape;

/// Taps of a correlation that produces every `step`th output row and column from `offset` on.
pub struct Lattice {
    /// First output row and column.
    pub offset: [usize; 2],
    /// Offset in the source picture and the kernel's element, in y and x.
    pub taps: Vec<([isize; 2], [usize; 2])>,
    /// Output rows and columns.
    pub size: [usize; 2],
}

/// A correlation of maps with a kernel.
pub struct Correlation {
    /// Channels of the kernel, in and out.
    pub channels: [usize; 2],
    /// Source height and width.
    pub size: [usize; 2],
    /// Output height and width.
    pub out: [usize; 2],
    /// Source step between neighbouring outputs of a lattice.
    pub stride: usize,
    /// Output step between neighbouring outputs of a lattice.
    pub step: usize,
    /// Together they hold every output at most once.
    pub lattices: Vec<Lattice>,
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

    /// Whether every output belongs to a lattice.
    pub fn covers_all(&self) -> bool {
        let covered: usize = self.lattices.iter().map(|l| l.size[0] * l.size[1]).sum();
        covered == self.out[0] * self.out[1]
    }
}
