//! Feature tests as table look-ups at offsets from the window's corner.

use mien_models::cascade::{HaarFeature, LbpFeature, WeightedRect};

/// The tables under one window.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    /// Sums from the window's top left corner on.
    pub sums: &'a [i32],
    /// One over the standard deviation times the number of pixels; 1 where it is not needed.
    pub norm: f32,
}

/// Where table entries lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Entries from one row to the next.
    pub stride: usize,
    /// Entries from a plain sum to the tilted one of the same point.
    pub tilted_at: usize,
}

impl Layout {
    fn offset(&self, x: u8, y: u16) -> u32 {
        // Tables are limited to far fewer than 2^32 entries.
        (usize::from(y) * self.stride + usize::from(x)) as u32
    }
}

/// What a node asks of a window.
pub(super) trait Test {
    /// The feature in the file.
    type Feature;
    /// What the file compares it with.
    type Split: Copy;

    /// Prepares the test for tables of one layout.
    fn new(feature: &Self::Feature, split: Self::Split, layout: Layout) -> Self;

    /// Whether the window goes left.
    fn goes_left(&self, window: Window<'_>) -> bool;

    /// The furthest entry from the window's corner that it reads.
    fn reach(&self) -> usize;
}

/// A Haar feature below its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct HaarTest {
    /// Top left, top right, bottom left, bottom right of up to three rectangles.
    pub corners: [[u32; 4]; 3],
    /// 0 where there is no third rectangle.
    pub weights: [f32; 3],
    /// Of the weighted sum times the window's norm.
    pub threshold: f32,
}

impl Test for HaarTest {
    type Feature = HaarFeature;
    type Split = f32;

    fn new(feature: &HaarFeature, threshold: f32, layout: Layout) -> Self {
        let mut test = Self {
            corners: [[0; 4]; 3],
            weights: [0.0; 3],
            threshold,
        };
        for (index, rect) in feature.rects.iter().enumerate() {
            test.corners[index] = if feature.tilted {
                tilted_corners(rect, layout)
            } else {
                upright_corners(rect, layout)
            };
            test.weights[index] = rect.weight;
        }
        test
    }

    #[inline(always)]
    fn goes_left(&self, window: Window<'_>) -> bool {
        let sum = |rect: usize| {
            let corner = |which: usize| window.sums[self.corners[rect][which] as usize];
            let difference = corner(0).wrapping_sub(corner(1)).wrapping_sub(corner(2));
            self.weights[rect] * difference.wrapping_add(corner(3)) as f32
        };
        // The order of the additions matters: these are OpenCV's f32 sums.
        let mut value = sum(0) + sum(1);
        if self.weights[2] != 0.0 {
            value += sum(2);
        }
        value * window.norm < self.threshold
    }

    fn reach(&self) -> usize {
        furthest(self.corners.as_flattened())
    }
}

fn furthest(offsets: &[u32]) -> usize {
    offsets.iter().max().map_or(0, |offset| *offset as usize)
}

fn upright_corners(rect: &WeightedRect, layout: Layout) -> [u32; 4] {
    let (top, right) = (u16::from(rect.y), rect.x + rect.width);
    let bottom = top + u16::from(rect.height);
    [
        layout.offset(rect.x, top),
        layout.offset(right, top),
        layout.offset(rect.x, bottom),
        layout.offset(right, bottom),
    ]
}

/// The triangles below the top, left, right and bottom corner.
fn tilted_corners(rect: &WeightedRect, layout: Layout) -> [u32; 4] {
    let (x, y) = (rect.x, u16::from(rect.y));
    let (width, height) = (rect.width, rect.height);
    let (down_right, down_left) = (u16::from(width), u16::from(height));
    let points = [
        layout.offset(x, y),
        layout.offset(x - height, y + down_left),
        layout.offset(x + width, y + down_right),
        layout.offset(x + width - height, y + down_right + down_left),
    ];
    points.map(|offset| offset + layout.tilted_at as u32)
}

/// A local binary pattern in a set of codes.
#[derive(Clone, Copy, Debug)]
pub(super) struct LbpTest {
    /// The 4x4 corners of the 3x3 blocks, row-major.
    corners: [u32; 16],
    subset: [u32; 8],
}

/// Blocks around the middle one, clockwise from the top left, each by the index of its top left
/// corner; the first one gives the highest bit.
const AROUND: [usize; 8] = [0, 1, 2, 6, 10, 9, 8, 4];
/// The middle block.
const MIDDLE: usize = 5;

impl Test for LbpTest {
    type Feature = LbpFeature;
    type Split = [u32; 8];

    fn new(feature: &LbpFeature, subset: [u32; 8], layout: Layout) -> Self {
        let corner = |index: usize| {
            let (column, row) = ((index % 4) as u8, (index / 4) as u16);
            layout.offset(
                feature.x + column * feature.block_width,
                u16::from(feature.y) + row * u16::from(feature.block_height),
            )
        };
        Self {
            corners: std::array::from_fn(corner),
            subset,
        }
    }

    #[inline(always)]
    fn goes_left(&self, window: Window<'_>) -> bool {
        let corners = self.corners.map(|offset| window.sums[offset as usize]);
        let block = |first: usize| {
            let top = corners[first].wrapping_sub(corners[first + 1]);
            let bottom = corners[first + 5].wrapping_sub(corners[first + 4]);
            top.wrapping_add(bottom)
        };
        let middle = block(MIDDLE);
        let code = AROUND.iter().fold(0, |code, &first| {
            code << 1 | usize::from(block(first) >= middle)
        });
        self.subset[code / 32] >> (code % 32) & 1 != 0
    }

    fn reach(&self) -> usize {
        furthest(&self.corners)
    }
}

#[cfg(test)]
mod tests {
    use super::super::integral::{Integrals, Needs};
    use super::*;

    const WIDTH: usize = 24;
    const HEIGHT: usize = 20;
    const NEEDS: Needs = Needs {
        squares: false,
        tilted: true,
    };

    fn pixel(x: i32, y: i32) -> i32 {
        (x * 53 + y * 97 + x * y * 7) % 251
    }

    fn tables() -> (Integrals, Layout) {
        let pixels: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|i| pixel((i % WIDTH) as i32, (i / WIDTH) as i32) as u8)
            .collect();
        let mut integrals = Integrals::default();
        integrals.reserve(WIDTH, HEIGHT, NEEDS);
        integrals.fill(&pixels, WIDTH, NEEDS);
        let layout = Layout {
            stride: integrals.stride,
            tilted_at: integrals.tilted_at,
        };
        (integrals, layout)
    }

    /// The sum of the pixels that `inside` accepts.
    fn sum(inside: impl Fn(i32, i32) -> bool) -> i32 {
        let points = (0..HEIGHT as i32).flat_map(|y| (0..WIDTH as i32).map(move |x| (x, y)));
        points
            .filter(|&(x, y)| inside(x, y))
            .map(|(x, y)| pixel(x, y))
            .sum()
    }

    fn check_haar(tilted: bool, rects: &[WeightedRect], value: f32) {
        let (integrals, layout) = tables();
        let feature = HaarFeature {
            rects: rects.iter().copied().collect(),
            tilted,
        };
        let window = Window {
            sums: &integrals.sums,
            norm: 0.5,
        };
        let goes_left = |threshold| HaarTest::new(&feature, threshold, layout).goes_left(window);
        assert!(!goes_left(value * 0.5));
        assert!(goes_left(value * 0.5 + 0.25), "{rects:?}");
    }

    #[test]
    fn haar_features_are_weighted_sums_over_rectangles() {
        let rect = |x, y, width, height, weight| WeightedRect {
            x,
            y,
            width,
            height,
            weight,
        };
        let upright = |rect: &WeightedRect| {
            let (left, top) = (i32::from(rect.x), i32::from(rect.y));
            let (width, height) = (i32::from(rect.width), i32::from(rect.height));
            sum(|x, y| (left..left + width).contains(&x) && (top..top + height).contains(&y))
        };
        // Counted along the diagonals, in half pixels, from the topmost corner.
        let tilted = |rect: &WeightedRect| {
            let (left, top) = (i32::from(rect.x), i32::from(rect.y));
            let (width, height) = (i32::from(rect.width), i32::from(rect.height));
            sum(|x, y| {
                let (right, down) = (x - left, y - top);
                (0..2 * width).contains(&(down + right + 1))
                    && (0..2 * height).contains(&(down - right - 1))
            })
        };
        let total = |sums: &dyn Fn(&WeightedRect) -> i32, rects: &[WeightedRect]| {
            rects
                .iter()
                .map(|rect| rect.weight * sums(rect) as f32)
                .sum()
        };
        for rects in [
            &[rect(3, 4, 6, 9, -1.0), rect(5, 4, 2, 9, 3.0)][..],
            &[rect(0, 0, 24, 20, 1.0)],
            &[
                rect(8, 2, 8, 8, -1.0),
                rect(8, 2, 4, 4, 2.0),
                rect(12, 6, 4, 4, 2.0),
            ],
        ] {
            check_haar(false, rects, total(&upright, rects));
        }
        for rects in [
            &[rect(10, 2, 5, 6, 1.0), rect(10, 2, 5, 3, -2.0)][..],
            &[rect(10, 0, 1, 1, 1.0)],
            &[rect(9, 3, 7, 9, 2.0)],
        ] {
            check_haar(true, rects, total(&tilted, rects));
        }
    }

    #[test]
    fn patterns_compare_eight_blocks_with_the_middle() {
        let (integrals, layout) = tables();
        for (x, y, block_width, block_height) in [(0, 0, 1, 1), (3, 2, 4, 5), (0, 5, 8, 3)] {
            let feature = LbpFeature {
                x,
                y,
                block_width,
                block_height,
            };
            let block = |column: i32, row: i32| {
                let (width, height) = (i32::from(block_width), i32::from(block_height));
                let (left, top) = (i32::from(x) + column * width, i32::from(y) + row * height);
                sum(|x, y| (left..left + width).contains(&x) && (top..top + height).contains(&y))
            };
            let around = [
                (0, 0),
                (1, 0),
                (2, 0),
                (2, 1),
                (2, 2),
                (1, 2),
                (0, 2),
                (0, 1),
            ];
            let code = around.iter().fold(0, |code, &(column, row)| {
                code * 2 + usize::from(block(column, row) >= block(1, 1))
            });
            let mut alone = [0_u32; 8];
            alone[code / 32] = 1 << (code % 32);
            let window = Window {
                sums: &integrals.sums,
                norm: 1.0,
            };
            assert!(LbpTest::new(&feature, alone, layout).goes_left(window));
            let others = alone.map(|word| !word);
            assert!(!LbpTest::new(&feature, others, layout).goes_left(window));
        }
    }
}
