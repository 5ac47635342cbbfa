//! Blocks of output positions, and the operand columns gathered for them.

use super::image::Padded;
use super::tile::{LANES, PANEL};

/// Output positions of a block at most, unless one row has more.
const POSITIONS: usize = 144;

/// Output rows of a group of pictures that are computed together.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// First row, counted through all pictures of the group.
    pub first: usize,
    /// Rows.
    pub rows: usize,
}

/// The output of a group of pictures: `height` rows of `width` positions each.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Rows of a picture.
    pub height: usize,
    /// Positions of a row.
    pub width: usize,
    /// Step in the source picture between neighbouring positions, in y and x.
    pub stride: usize,
}

impl Rows {
    /// The blocks of `pictures` pictures.
    pub fn blocks(self, pictures: usize) -> impl Iterator<Item = Block> {
        let (rows, step) = (pictures * self.height, self.step());
        (0..rows).step_by(step).map(move |first| Block {
            first,
            rows: step.min(rows - first),
        })
    }

    /// Rows of a block: as many as fit, fewer where they then divide a picture without padding.
    fn step(self) -> usize {
        let most = (POSITIONS / self.width).max(1);
        let exact = |rows: &usize| {
            self.height.is_multiple_of(*rows) && (rows * self.width).is_multiple_of(LANES)
        };
        let divisor = (1..=most).rev().find(exact);
        divisor
            .filter(|rows| 3 * rows * self.width >= 2 * POSITIONS)
            .unwrap_or(most)
    }

    /// Whether a block lies in one picture and needs no padding.
    pub fn is_exact(self, block: Block) -> bool {
        let positions = block.rows * self.width;
        block.first % self.height + block.rows <= self.height && positions.is_multiple_of(LANES)
    }

    /// Positions of the largest block, padded.
    pub fn most_columns(self) -> usize {
        self.columns(self.step())
    }

    /// Positions of `rows` rows, padded.
    pub fn columns(self, rows: usize) -> usize {
        (rows * self.width).next_multiple_of(LANES)
    }

    /// Where row `i` of a block comes from: picture and row in it.
    pub fn place(self, block: Block, i: usize) -> [usize; 2] {
        let row = block.first + i;
        [row / self.height, row % self.height]
    }

    /// Writes the right operand of a convolution: for every pair of channels and every tap the
    /// block's positions, in panels (see [`panel`](super::tile::panel)). `images` holds the
    /// pictures as [`Padded::write_pairs`] writes them; a tap is the offset in a padded plane.
    pub fn gather(
        self,
        block: Block,
        images: &[u32],
        padded: Padded,
        taps: &[usize],
        to: &mut [u32],
    ) {
        let pairs = padded.pair_planes() * taps.len();
        let columns = self.columns(block.rows);
        // Pieces of rows that fall into one panel.
        let mut pieces: Vec<Piece> = vec![];
        for i in 0..block.rows {
            let [picture, y] = self.place(block, i);
            let source =
                picture * padded.pair_planes() * padded.plane() + y * self.stride * padded.width();
            let mut x = 0;
            while x < self.width {
                let column = i * self.width + x;
                let len = (PANEL - column % PANEL).min(self.width - x);
                let first = column / PANEL * PANEL;
                pieces.push(Piece {
                    source: source + x * self.stride,
                    to: first * pairs + column % PANEL,
                    panel_width: PANEL.min(columns - first),
                    len,
                });
                x += len;
            }
        }
        for channel in 0..padded.pair_planes() {
            for (t, tap) in taps.iter().enumerate() {
                let from = &images[channel * padded.plane() + tap..];
                let k = channel * taps.len() + t;
                for piece in &pieces {
                    let to = &mut to[piece.to + k * piece.panel_width..][..piece.len];
                    copy(&from[piece.source..], self.stride, to);
                }
            }
        }
    }

    /// Writes the left operand of a weight gradient: a row per channel and tap of the block's
    /// positions, `ld` values apart, odd counts padded with one zero. `images` holds the pictures
    /// as [`Padded::write_singles`] writes them.
    pub fn gather_rows(
        self,
        block: Block,
        images: &[u16],
        padded: Padded,
        taps: &[usize],
        ld: usize,
        to: &mut [u16],
    ) {
        let len = block.rows * self.width;
        for channel in 0..padded.channels {
            for (t, tap) in taps.iter().enumerate() {
                let from = &images[channel * padded.plane() + tap..];
                let to = &mut to[(channel * taps.len() + t) * ld..][..ld];
                for i in 0..block.rows {
                    let [picture, y] = self.place(block, i);
                    let source = picture * padded.channels * padded.plane()
                        + y * self.stride * padded.width();
                    copy(
                        &from[source..],
                        self.stride,
                        &mut to[i * self.width..][..self.width],
                    );
                }
                to[len..].fill(0);
            }
        }
    }
}

struct Piece {
    source: usize,
    to: usize,
    panel_width: usize,
    len: usize,
}

/// Every `stride`th element.
fn copy<T: Copy>(from: &[T], stride: usize, to: &mut [T]) {
    // Usual lengths as constants: rows are so short that calling `memcpy` would cost more.
    match (stride, to.len()) {
        (1 | 2, 6) => copy_fixed::<T, 6>(from, stride, to),
        (1 | 2, 12) => copy_fixed::<T, 12>(from, stride, to),
        (1 | 2, 24) => copy_fixed::<T, 24>(from, stride, to),
        (1, len) => to.copy_from_slice(&from[..len]),
        _ => {
            for (to, from) in to.iter_mut().zip(from.iter().step_by(stride)) {
                *to = *from;
            }
        }
    }
}

#[inline(always)]
fn copy_fixed<T: Copy, const N: usize>(from: &[T], stride: usize, to: &mut [T]) {
    let to = &mut to[..N];
    if stride == 1 {
        to.copy_from_slice(&from[..N]);
    } else {
        let from = &from[..2 * N - 1];
        for i in 0..N {
            to[i] = from[2 * i];
        }
    }
}
