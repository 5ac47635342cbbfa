//! What a track remembers of a face: a small gray patch, in memory only, found again by
//! normalized cross-correlation (J. P. Lewis, "Fast Template Matching", 1995).

use mien_models::plane::GrayView;

use super::bounds::Bounds;

/// Cells a side of a patch.
pub const SIDE: usize = 16;
/// Farthest that a search goes from where it begins, in cells; half a face.
pub const MAX_REACH: usize = 8;

const AREA: usize = SIDE * SIDE;
/// Cells a side of the largest area that is searched.
const MAX_GRID: usize = SIDE + 2 * MAX_REACH;
/// Pixels of a cell that are read, at most, a side: bounds the work for large faces.
const MAX_SAMPLES: usize = 4;
/// Least standard deviation of a patch in gray levels; below it there is nothing to recognise.
const MIN_CONTRAST: f32 = 2.0;

/// A face of `[SIDE, SIDE]` cells, mean 0 and length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch([f32; AREA]);

/// Where a patch fits best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Normalized correlation, -1..=1; 0 where there is nothing but one gray.
    pub correlation: f32,
    /// Centre of the place, `[x, y]` in pixels.
    pub center: [f32; 2],
}

impl Patch {
    /// The patch inside `bounds`; `None` if there is no contrast.
    pub fn cut(view: &GrayView<'_>, bounds: &Bounds) -> Option<Self> {
        let grid = Grid::sample(view, bounds, 0);
        let mut cells = [0.0; AREA];
        for (row, cells) in cells.chunks_exact_mut(SIDE).enumerate() {
            cells.copy_from_slice(&grid.cells[row][..SIDE]);
        }
        Self(cells).normalized(MIN_CONTRAST * SIDE as f32)
    }

    /// Correlation with a patch that lies alike, -1..=1.
    pub fn correlation(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// This patch, with `weight` (0..=1) of `other` mixed in.
    pub fn mixed(&self, other: &Self, weight: f32) -> Option<Self> {
        let mut cells = self.0;
        for (cell, other) in cells.iter_mut().zip(&other.0) {
            *cell += weight * (other - *cell);
        }
        Self(cells).normalized(1e-3)
    }

    /// The best place for this patch within `reach` cells (at most [`MAX_REACH`]) of `bounds`,
    /// to a fraction of a cell.
    pub fn find(&self, view: &GrayView<'_>, bounds: &Bounds, reach: usize) -> Match {
        let reach = reach.min(MAX_REACH);
        let grid = Grid::sample(view, bounds, reach);
        let places = 2 * reach + 1;
        let mut scores = [[0.0_f32; 2 * MAX_REACH + 1]; 2 * MAX_REACH + 1];
        let (mut best, mut at) = (f32::NEG_INFINITY, (reach, reach));
        for (y, row) in scores.iter_mut().enumerate().take(places) {
            for (x, score) in row.iter_mut().enumerate().take(places) {
                *score = self.score(&grid, x, y);
                if *score > best {
                    (best, at) = (*score, (x, y));
                }
            }
        }
        let (x, y) = at;
        let is_inner = |i: usize| i > 0 && i + 1 < places;
        let dx = if is_inner(x) {
            peak(scores[y][x - 1], best, scores[y][x + 1])
        } else {
            0.0
        };
        let dy = if is_inner(y) {
            peak(scores[y - 1][x], best, scores[y + 1][x])
        } else {
            0.0
        };
        let moved = |axis: usize, cells: f32| {
            bounds.center[axis] + (cells - reach as f32) * bounds.size[axis] / SIDE as f32
        };
        Match {
            correlation: best.clamp(-1.0, 1.0),
            center: [moved(0, x as f32 + dx), moved(1, y as f32 + dy)],
        }
    }

    /// Correlation with the window of the grid that begins at column `x` and row `y`.
    fn score(&self, grid: &Grid, x: usize, y: usize) -> f32 {
        // A sum a lane, so that the compiler can add lanes side by side.
        let mut sums = [0.0_f32; SIDE];
        let mut squares = [0.0_f32; SIDE];
        let mut products = [0.0_f32; SIDE];
        for (cells, row) in self.0.chunks_exact(SIDE).zip(&grid.cells[y..]) {
            let values = row[x..x + SIDE].iter().zip(cells);
            let lanes = sums.iter_mut().zip(&mut squares).zip(&mut products);
            for (((sum, square), product), (value, cell)) in lanes.zip(values) {
                *sum += value;
                *square += value * value;
                *product += value * cell;
            }
        }
        let [sum, squares, product] = [sums, squares, products].map(|l| l.iter().sum::<f32>());
        let variance = squares - sum * sum / AREA as f32;
        if variance < MIN_CONTRAST * MIN_CONTRAST * AREA as f32 {
            return 0.0;
        }
        product / variance.sqrt()
    }

    fn normalized(mut self, least_length: f32) -> Option<Self> {
        let mean = self.0.iter().sum::<f32>() / AREA as f32;
        self.0.iter_mut().for_each(|cell| *cell -= mean);
        let length = self.0.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
        if length < least_length {
            return None;
        }
        self.0.iter_mut().for_each(|cell| *cell /= length);
        Some(self)
    }
}

/// Position of a parabola's peak through three neighbours, from the middle one, -0.5..=0.5.
fn peak(before: f32, here: f32, after: f32) -> f32 {
    let bend = before - 2.0 * here + after;
    if bend < -1e-6 {
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

/// A picture's part in cells. Grays are taken from 128 so that sums of squares stay exact.
struct Grid {
    cells: [[f32; MAX_GRID]; MAX_GRID],
}

impl Grid {
    /// `bounds` in `SIDE` cells a side and `reach` more around it. Beyond its edge the picture
    /// goes on with its last pixels.
    fn sample(view: &GrayView<'_>, bounds: &Bounds, reach: usize) -> Self {
        let side = SIDE + 2 * reach;
        let columns = Samples::new(bounds, 0, reach, view.width());
        let rows = Samples::new(bounds, 1, reach, view.height());
        let share = 1.0 / (columns.per_cell * rows.per_cell) as f32;
        let mut cells = [[0.0; MAX_GRID]; MAX_GRID];
        for (row, cells) in cells[..side].iter_mut().enumerate() {
            let mut sums = [0_u32; MAX_GRID];
            for &y in rows.of(row) {
                let pixels = view.row(y);
                for (column, sum) in sums[..side].iter_mut().enumerate() {
                    for &x in columns.of(column) {
                        *sum += u32::from(pixels[x as usize]);
                    }
                }
            }
            for (cell, sum) in cells.iter_mut().zip(&sums[..side]) {
                *cell = *sum as f32 * share - 128.0;
            }
        }
        Self { cells }
    }
}

/// The pixels along one side that stand for each cell.
struct Samples {
    at: [[u32; MAX_SAMPLES]; MAX_GRID],
    per_cell: usize,
}

impl Samples {
    fn new(bounds: &Bounds, axis: usize, reach: usize, pixels: u32) -> Self {
        let cell = bounds.size[axis] / SIDE as f32;
        let begin = bounds.center[axis] - bounds.size[axis] / 2.0 - reach as f32 * cell;
        let per_cell = (cell.ceil() as usize).clamp(1, MAX_SAMPLES);
        let mut at = [[0; MAX_SAMPLES]; MAX_GRID];
        for (index, at) in at.iter_mut().enumerate() {
            for (sample, at) in at[..per_cell].iter_mut().enumerate() {
                let share = (sample as f32 + 0.5) / per_cell as f32;
                // The conversion saturates.
                *at = ((begin + (index as f32 + share) * cell) as u32).min(pixels - 1);
            }
        }
        Self { at, per_cell }
    }

    fn of(&self, cell: usize) -> &[u32] {
        &self.at[cell][..self.per_cell]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mien_models::procedural::{Plane, Scene, plane};

    fn bounds(x: f32, y: f32, side: f32) -> Bounds {
        Bounds {
            center: [x, y],
            size: [side, side],
        }
    }

    fn picture() -> Plane {
        plane(Scene::Face, 3, 320, 240)
    }

    #[test]
    fn a_patch_is_found_where_it_was_cut() {
        let picture = picture();
        let view = picture.view().unwrap();
        for side in [20.0, 48.0, 111.0] {
            let place = bounds(150.0, 110.0, side);
            let patch = Patch::cut(&view, &place).unwrap();
            assert!((patch.correlation(&patch) - 1.0).abs() < 1e-4);
            let begun = bounds(150.0 + 0.2 * side, 110.0 - 0.3 * side, side);
            let found = patch.find(&view, &begun, MAX_REACH);
            assert!(found.correlation > 0.8, "{found:?}");
            let off = place.distance_faces(found.center);
            assert!(off < 0.03, "{side}: {off} faces off");
        }
    }

    #[test]
    fn light_does_not_matter() {
        let picture = picture();
        let dimmed = Plane {
            pixels: picture.pixels.iter().map(|v| v / 2 + 20).collect(),
            ..picture.clone()
        };
        let place = bounds(150.0, 110.0, 60.0);
        let patch = Patch::cut(&picture.view().unwrap(), &place).unwrap();
        let found = patch.find(&dimmed.view().unwrap(), &place, 2);
        assert!(found.correlation > 0.99, "{found:?}");
    }

    #[test]
    fn one_gray_is_nothing_and_edges_are_no_matter() {
        let picture = picture();
        let view = picture.view().unwrap();
        let patch = Patch::cut(&view, &bounds(150.0, 110.0, 60.0)).unwrap();
        for (width, height) in [(1, 1), (3, 200), (64, 64)] {
            let gray = Plane {
                pixels: vec![255; (width * height) as usize],
                width,
                height,
            };
            let view = gray.view().unwrap();
            for place in [bounds(0.0, 0.0, 60.0), bounds(-500.0, 900.0, 1.0)] {
                assert_eq!(Patch::cut(&view, &place), None);
                assert_eq!(patch.find(&view, &place, MAX_REACH).correlation, 0.0);
            }
        }
    }
}
