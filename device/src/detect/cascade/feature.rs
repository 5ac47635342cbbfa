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
}

/// A Haar feature below its threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct HaarTest {
    /// Top left, top right, bottom left, bottom right of up to three rectangles.
    corners: [[u32; 4]; 3],
    weights: [f32; 3],
    threshold: f32,
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
}
