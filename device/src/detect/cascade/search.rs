//! Moving the window over a level.

use mien_models::cascade::{CascadeModel, Ensemble};

use super::feature::{HaarTest, Layout, LbpTest, Test, Window};
use super::integral::{Integrals, Needs};
use super::lanes::{self, BEYOND, Block, Kernel, LANES};
use super::program::Program;
use super::pyramid::Level;

/// Windows flatter than this standard deviation (in gray levels) hold no face.
const MIN_STANDARD_DEVIATION: f64 = 10.0;

/// Windows of a block below which they are tested one by one.
const FEW: u32 = 2;

/// A cascade and its program for the current layout of the tables.
#[derive(Debug)]
pub(super) struct Searcher {
    ensemble: Ensemble,
    /// Width and height of the window in pixels.
    window: (usize, usize),
    needs: Needs,
    kernel: Kernel,
    prepared: Option<(Layout, Prepared)>,
}

#[derive(Debug)]
enum Prepared {
    Haar(Program<HaarTest>),
    Lbp(Program<LbpTest>),
}

impl Searcher {
    pub(super) fn new(model: &CascadeModel<'_>, kernel: Kernel) -> Self {
        let needs = match &model.ensemble {
            Ensemble::Haar(boosted) => Needs {
                squares: true,
                tilted: boosted.features.iter().any(|feature| feature.tilted),
            },
            Ensemble::Lbp(_) => Needs {
                squares: false,
                tilted: false,
            },
        };
        Self {
            ensemble: model.ensemble.clone(),
            window: (model.window_width.into(), model.window_height.into()),
            needs,
            kernel,
            prepared: None,
        }
    }

    /// Which tables [`Searcher::search`] reads.
    pub(super) fn needs(&self) -> Needs {
        self.needs
    }

    /// Must come before [`Searcher::search`]; costs nothing when the layout is the last one.
    pub(super) fn prepare(&mut self, layout: Layout) {
        if self
            .prepared
            .as_ref()
            .is_some_and(|(last, _)| *last == layout)
        {
            return;
        }
        let program = match &self.ensemble {
            Ensemble::Haar(boosted) => Prepared::Haar(Program::new(boosted, layout)),
            Ensemble::Lbp(boosted) => Prepared::Lbp(Program::new(boosted, layout)),
        };
        self.prepared = Some((layout, program));
    }

    /// Calls `found` with the top left corner of every window that passes, row by row.
    pub(super) fn search(
        &self,
        integrals: &Integrals,
        level: &Level,
        found: impl FnMut(usize, usize),
    ) {
        match &self.prepared {
            Some((_, Prepared::Haar(program))) => {
                let area = NormArea::new(self.window, integrals.stride);
                let norm = |at| area.norm(integrals, at);
                if self.kernel == Kernel::Scalar || program.stumps(0).is_none() {
                    scan(program, integrals, level, norm, found);
                } else {
                    scan_blocks(self.kernel, program, integrals, level, norm, found);
                }
            }
            Some((_, Prepared::Lbp(program))) => {
                scan(program, integrals, level, |_| Some(1.0), found);
            }
            None => {}
        }
    }
}

/// Tests windows from left to right and from top to bottom. `norm` is `None` for a window that
/// is not worth a test.
fn scan<T: Test>(
    program: &Program<T>,
    integrals: &Integrals,
    level: &Level,
    norm: impl Fn(usize) -> Option<f32>,
    mut found: impl FnMut(usize, usize),
) {
    for y in (0..level.end_y).step_by(level.step) {
        let mut x = 0;
        while x < level.end_x {
            let at = y * integrals.stride + x;
            if let Some(norm) = norm(at) {
                let sums = &integrals.sums[at..];
                match program.rejected_by(Window { sums, norm }, 0) {
                    // OpenCV skips the neighbour of a window that fails at once.
                    Some(0) => x += level.step,
                    Some(_) => {}
                    None => found(x, y),
                }
            }
            x += level.step;
        }
    }
}

/// As [`scan`], eight windows at a time while several of them are alive. Stage 0 must be of stumps.
fn scan_blocks(
    kernel: Kernel,
    program: &Program<HaarTest>,
    integrals: &Integrals,
    level: &Level,
    norm: impl Fn(usize) -> Option<f32>,
    mut found: impl FnMut(usize, usize),
) {
    let step = level.step;
    let width = LANES * step;
    for y in (0..level.end_y).step_by(step) {
        let row = y * integrals.stride;
        // Whether the next window is skipped: its left neighbour failed at once.
        let mut skip = false;
        for x in (0..level.end_x).step_by(width) {
            let windows = (level.end_x - x).div_ceil(step).min(LANES);
            let (mut norms, mut candidates) = ([0.0; LANES], 0_u8);
            for (lane, to) in norms[..windows].iter_mut().enumerate() {
                if let Some(norm) = norm(row + x + lane * step) {
                    *to = norm;
                    candidates |= 1 << lane;
                }
            }
            let sums = &integrals.sums[row + x..];
            let block = Block {
                sums,
                step,
                norms: &norms,
            };
            // At the very end of the tables vectors would leave them.
            let fits = sums.len() >= program.reach() + BEYOND;
            let rejected = |stage: usize| match program.stumps(stage) {
                Some(stumps) if fits => Some(lanes::rejected(kernel, stumps, block)),
                _ => None,
            };
            let failed = match candidates {
                0 => 0,
                _ => rejected(0).unwrap_or_else(|| rejected_one_by_one(program, block, windows)),
            };
            let mut alive = 0_u8;
            for lane in 0..windows {
                let bit = 1 << lane;
                if std::mem::take(&mut skip) || candidates & bit == 0 {
                    continue;
                }
                skip = failed & bit != 0;
                alive |= bit & !failed;
            }
            let mut stage = 1;
            while alive.count_ones() >= FEW && stage < program.stages() {
                let Some(failed) = rejected(stage) else { break };
                alive &= !failed;
                stage += 1;
            }
            while alive != 0 {
                let lane = alive.trailing_zeros() as usize;
                alive &= alive - 1;
                let sums = &sums[lane * step..];
                let norm = norms[lane];
                if program.rejected_by(Window { sums, norm }, stage).is_none() {
                    found(x + lane * step, y);
                }
            }
        }
    }
}

/// Stage 0 for a block at the end of the tables.
fn rejected_one_by_one(program: &Program<HaarTest>, block: Block<'_>, windows: usize) -> u8 {
    (0..windows).fold(0, |mask, lane| {
        let window = Window {
            sums: &block.sums[lane * block.step..],
            norm: block.norms[lane],
        };
        mask | u8::from(program.rejected_by(window, 0) == Some(0)) << lane
    })
}

/// The window less a border of one pixel, over which its contrast is measured.
struct NormArea {
    pixels: f64,
    /// Offsets from the window's corner.
    corners: [usize; 4],
}

impl NormArea {
    fn new(window: (usize, usize), stride: usize) -> Self {
        let (width, height) = (window.0 - 2, window.1 - 2);
        let top_left = stride + 1;
        let bottom_left = top_left + height * stride;
        Self {
            pixels: (width * height) as f64,
            corners: [top_left, top_left + width, bottom_left, bottom_left + width],
        }
    }

    /// One over the standard deviation times the number of pixels, `None` for a flat window.
    fn norm(&self, integrals: &Integrals, at: usize) -> Option<f32> {
        let sum = self.sum(&integrals.sums, at);
        let squares = self.sum(&integrals.squares, at).cast_unsigned();
        let spread = self.pixels * f64::from(squares) - f64::from(sum) * f64::from(sum);
        if spread <= 0.0 {
            return None;
        }
        let norm = (1.0 / spread.sqrt()) as f32;
        (self.pixels * f64::from(norm) < 1.0 / MIN_STANDARD_DEVIATION).then_some(norm)
    }

    fn sum(&self, table: &[i32], at: usize) -> i32 {
        let [top_left, top_right, bottom_left, bottom_right] =
            self.corners.map(|offset| table[at + offset]);
        top_left
            .wrapping_sub(top_right)
            .wrapping_sub(bottom_left)
            .wrapping_add(bottom_right)
    }
}
