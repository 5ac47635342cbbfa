//! Histograms of oriented gradients (Dalal & Triggs, "Histograms of Oriented Gradients for Human
//! Detection", CVPR 2005), in the paper's best form: centred differences, unsigned orientations,
//! nine bins, blocks of 2 x 2 cells normalized by L2-Hys.
//!
//! A picture of 48 x 48 has 6 x 6 cells of 8 pixels and 5 x 5 overlapping blocks. Each pixel adds
//! its gradient's magnitude to the four cells whose centres are nearest (what falls outside is
//! lost) and there to the two bins whose centres are nearest to the gradient's orientation (10°,
//! 30°, … 170°; 0° is across an upright edge), in linear shares. Pixels outside have the value of
//! the nearest one inside.

use std::f64::consts::PI;

use crate::dataset::SIDE;

const CELL: usize = 8;
const CELLS: usize = SIDE / CELL;
const BINS: usize = 9;
/// Cells a side of a block.
const BLOCK: usize = 2;
const BLOCKS: usize = CELLS - BLOCK + 1;
/// Numbers of a block.
const BLOCK_FEATURES: usize = BLOCK * BLOCK * BINS;
/// Numbers of a picture.
pub const FEATURES: usize = BLOCKS * BLOCKS * BLOCK_FEATURES;
/// L2-Hys: no number of a normalized block may be above this before it is normalized again.
const CLIP: f64 = 0.2;
/// Keeps flat blocks at zero; gray levels.
const EPSILON: f64 = 1.0;

type Cells = [[[f64; BINS]; CELLS]; CELLS];

/// The features of a picture `[48, 48]`, `[block row, block column, cell row, cell column, bin]`
/// row-major; each block's sum of squares is at most 1.
///
/// # Panics
/// When `pixels` is shorter than a picture.
pub fn hog(pixels: &[u8]) -> [f64; FEATURES] {
    let cells = cell_histograms(pixels);
    let mut features = [0.0; FEATURES];
    for (index, block) in features.chunks_exact_mut(BLOCK_FEATURES).enumerate() {
        let (row, column) = (index / BLOCKS, index % BLOCKS);
        for (cell, histogram) in block.chunks_exact_mut(BINS).enumerate() {
            let (below, beside) = (cell / BLOCK, cell % BLOCK);
            histogram.copy_from_slice(&cells[row + below][column + beside]);
        }
        normalize(block, EPSILON);
        for value in block.iter_mut() {
            *value = value.min(CLIP);
        }
        // The values are of the order of 1 now.
        normalize(block, EPSILON / 255.0);
    }
    features
}

fn cell_histograms(pixels: &[u8]) -> Cells {
    let mut cells = [[[0.0; BINS]; CELLS]; CELLS];
    let at = |y: usize, x: usize| f64::from(pixels[y * SIDE + x]);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let dx = at(y, (x + 1).min(SIDE - 1)) - at(y, x.saturating_sub(1));
            let dy = at((y + 1).min(SIDE - 1), x) - at(y.saturating_sub(1), x);
            for (row, row_share) in nearest_cells(y) {
                for (column, column_share) in nearest_cells(x) {
                    if let Some(histogram) = cells.get_mut(row).and_then(|r| r.get_mut(column)) {
                        vote(histogram, dx, dy, row_share * column_share);
                    }
                }
            }
        }
    }
    cells
}

/// The two cells whose centres are nearest to a pixel, with their shares; one may not exist.
fn nearest_cells(pixel: usize) -> [(usize, f64); 2] {
    // Half a cell more, so that the cell before the first has a number, too.
    let position = (pixel as f64 + 0.5) / CELL as f64 + 0.5;
    let share = position.fract();
    let upper = position as usize;
    [(upper.wrapping_sub(1), 1.0 - share), (upper, share)]
}

/// Adds a share of a gradient's magnitude to the two bins nearest to its orientation.
fn vote(histogram: &mut [f64; BINS], dx: f64, dy: f64, weight: f64) {
    let magnitude = weight * dx.hypot(dy);
    // Opposite gradients are the same edge.
    let turn = dy.atan2(dx).rem_euclid(PI) / PI;
    // Bins from the first centre, -0.5 at 0°.
    let position = turn * BINS as f64 - 0.5;
    let share = position - position.floor();
    let lower = (position.floor() as isize).rem_euclid(BINS as isize) as usize;
    histogram[lower] += magnitude * (1.0 - share);
    histogram[(lower + 1) % BINS] += magnitude * share;
}

fn normalize(block: &mut [f64], epsilon: f64) {
    let squares: f64 = block.iter().map(|value| value * value).sum();
    let norm = (squares + epsilon * epsilon).sqrt();
    for value in block {
        *value /= norm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::PIXELS;

    fn picture(value: impl Fn(usize, usize) -> usize) -> [u8; PIXELS] {
        std::array::from_fn(|at| value(at % SIDE, at / SIDE) as u8)
    }

    /// Block `(row, column)` as `[cell, bin]`.
    fn block(features: &[f64], row: usize, column: usize) -> [[f64; BINS]; 4] {
        let start = (row * BLOCKS + column) * BLOCK_FEATURES;
        std::array::from_fn(|cell| std::array::from_fn(|bin| features[start + cell * BINS + bin]))
    }

    #[test]
    fn there_are_900_and_a_flat_picture_has_none() {
        assert_eq!(FEATURES, 900);
        assert_eq!(hog(&[77; PIXELS]), [0.0; FEATURES]);
    }

    #[test]
    fn gradients_go_to_the_two_nearest_bins() {
        let voted = |dx, dy| {
            let mut histogram = [0.0; BINS];
            vote(&mut histogram, dx, dy, 1.0);
            histogram
        };
        let near = |histogram: [f64; BINS], expected: &[(usize, f64)]| {
            for (bin, value) in histogram.into_iter().enumerate() {
                let expected = expected.iter().find(|(at, _)| *at == bin);
                let expected = expected.map_or(0.0, |(_, value)| *value);
                assert!((value - expected).abs() < 1e-9, "bin {bin}: {value}");
            }
        };
        // 0° and 180° lie between 170° and 10°.
        near(voted(6.0, 0.0), &[(0, 3.0), (8, 3.0)]);
        near(voted(-6.0, 0.0), &[(0, 3.0), (8, 3.0)]);
        // 90° is the centre of the fifth bin, whichever way.
        near(voted(0.0, 5.0), &[(4, 5.0)]);
        near(voted(0.0, -5.0), &[(4, 5.0)]);
        // 45° is a quarter of the way from 50° to 30°.
        let length = 200f64.sqrt();
        near(voted(10.0, 10.0), &[(1, 0.25 * length), (2, 0.75 * length)]);
        near(voted(0.0, 0.0), &[]);
    }

    #[test]
    fn a_pixel_is_shared_between_the_nearest_cells() {
        assert_eq!(nearest_cells(11), [(0, 0.0625), (1, 0.9375)]);
        assert_eq!(nearest_cells(12), [(1, 0.9375), (2, 0.0625)]);
        // Outside of the picture's cells on one side.
        assert_eq!(nearest_cells(0), [(usize::MAX, 0.4375), (0, 0.5625)]);
        assert_eq!(nearest_cells(47), [(5, 0.5625), (6, 0.4375)]);
    }

    /// Columns 4 levels apart: dx is 8, at the two borders 4, dy is 0; half of each goes to the
    /// first bin and half to the last.
    #[test]
    fn a_ramp_has_the_histograms_worked_out_by_hand() {
        let ramp = picture(|x, _| 4 * x);
        let cells = cell_histograms(&ramp);
        let both = |value: f64| [value, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, value];
        // Inside, the shares of 16 rows or columns sum to 8: 8 * 8 * 8 / 2.
        assert_eq!(cells[2][3], both(256.0));
        // In a corner 12 rows sum to 0.5625 + … + 0.9375 + 0.9375 + … + 0.0625 = 7, and so do the
        // columns, the first of which has half the gradient: 7 * (7 * 8 - 0.5625 * 4) / 2.
        assert_eq!(cells[0][0], both(188.125));
        assert_eq!(cells[5][5], both(188.125));

        // Eight equal numbers among 36: 1 / sqrt(8) = 0.354 each, clipped to 0.2, and again.
        let features = hog(&ramp);
        for cell in block(&features, 2, 2) {
            for (bin, value) in cell.into_iter().enumerate() {
                let expected = if bin % 8 == 0 { 0.125f64.sqrt() } else { 0.0 };
                assert!((value - expected).abs() < 1e-4, "bin {bin}: {value}");
            }
        }
    }

    /// A dot in the middle of cell (1, 1) is in four blocks, in another of their cells each.
    #[test]
    fn blocks_hold_their_cells_in_rows() {
        let features = hog(&picture(|x, y| if (x, y) == (12, 11) { 90 } else { 0 }));
        for (row, column, cell) in [(0, 0, 3), (0, 1, 2), (1, 0, 1), (1, 1, 0)] {
            let upright = block(&features, row, column).map(|histogram| histogram[4]);
            let highest = (0..4).max_by(|&a, &b| upright[a].total_cmp(&upright[b]));
            assert_eq!(highest, Some(cell), "{upright:?}");
        }
        assert_eq!(block(&features, 3, 3), [[0.0; BINS]; 4]);
        for block in features.chunks(BLOCK_FEATURES) {
            let squares: f64 = block.iter().map(|value| value * value).sum();
            assert!(squares <= 1.0, "{squares}");
        }
    }

    #[test]
    fn brightness_does_not_matter_and_contrast_little() {
        let wave = |gain: usize, lift: usize| picture(move |x, y| lift + gain * ((x * y) % 17));
        let (low, lifted, high) = (hog(&wave(4, 0)), hog(&wave(4, 90)), hog(&wave(8, 0)));
        assert_eq!(low, lifted);
        let far = low.iter().zip(high).map(|(a, b)| (a - b).abs());
        assert!(far.fold(0.0, f64::max) < 1e-4);
    }
}
