//! Summed-area tables of one pyramid level.

/// Sums over the pixels above and left of a point, for one level at a time. All levels use rows
/// of the same length, so that offsets between points hold for all of them.
///
/// Sums wrap around; differences of four still come out right, since no window's sum reaches
/// 2^31.
#[derive(Debug, Default)]
pub(super) struct Integrals {
    /// Entries from one row to the next.
    pub stride: usize,
    /// `[height + 1, stride]`, then, at [`Integrals::tilted_at`], the sums over tilted triangles.
    pub sums: Vec<i32>,
    /// Sums of squared pixels, `[height + 1, stride]`.
    pub squares: Vec<i32>,
    /// Where the tilted sums begin in `sums`.
    pub tilted_at: usize,
}

/// What a cascade needs besides the plain sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub squares: bool,
    pub tilted: bool,
}

impl Integrals {
    /// Makes room for levels of up to `width` x `height` pixels.
    pub(super) fn reserve(&mut self, width: usize, height: usize, needs: Needs) {
        self.stride = width + 1;
        self.tilted_at = self.stride * (height + 1);
        let planes = if needs.tilted { 2 } else { 1 };
        // The first row and column stay zero.
        self.sums.clear();
        self.sums.resize(self.tilted_at * planes, 0);
        self.squares.clear();
        if needs.squares {
            self.squares.resize(self.tilted_at, 0);
        }
    }

    /// Sums up a level, `[height, width]` without padding, within the reserved size.
    pub(super) fn fill(&mut self, pixels: &[u8], width: usize, needs: Needs) {
        let stride = self.stride;
        fill_plane(&mut self.sums, stride, pixels, width, i32::from);
        if needs.squares {
            let square = |pixel| i32::from(pixel) * i32::from(pixel);
            fill_plane(&mut self.squares, stride, pixels, width, square);
        }
        if needs.tilted {
            fill_tilted(&mut self.sums[self.tilted_at..], stride, pixels, width);
        }
    }
}

fn fill_plane(
    plane: &mut [i32],
    stride: usize,
    pixels: &[u8],
    width: usize,
    value: impl Fn(u8) -> i32,
) {
    let mut rest = plane;
    for row in pixels.chunks_exact(width) {
        let (above, below) = rest.split_at_mut(stride);
        let mut sum = 0_i32;
        let entries = above[1..=width].iter().zip(&mut below[1..=width]);
        for ((&above, entry), &pixel) in entries.zip(row) {
            sum = sum.wrapping_add(value(pixel));
            *entry = above.wrapping_add(sum);
        }
        rest = below;
    }
}

/// Entry `(x, y)` sums the triangle that opens upwards from pixel `(x - 1, y - 1)` at 45 degrees
/// (Lienhart and Maydt, 2002).
fn fill_tilted(plane: &mut [i32], stride: usize, pixels: &[u8], width: usize) {
    let row = |y: usize| &pixels[y * width..][..width];
    for y in 1..=pixels.len() / width {
        let (done, current) = plane.split_at_mut(y * stride);
        let above = &done[(y - 1) * stride..];
        current[0] = above[1.min(width)];
        for x in 1..=width {
            let mut sum = above[x - 1].wrapping_add(i32::from(row(y - 1)[x - 1]));
            if y >= 2 {
                sum = sum.wrapping_add(i32::from(row(y - 2)[x - 1]));
                if x < width {
                    let overlap = done[(y - 2) * stride + x];
                    sum = sum.wrapping_add(above[x + 1]).wrapping_sub(overlap);
                }
            }
            current[x] = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs = Needs {
        squares: true,
        tilted: true,
    };

    fn picture(width: usize, height: usize) -> Vec<u8> {
        (0..width * height).map(|i| (i * 89 % 251) as u8).collect()
    }

    #[test]
    fn entries_are_sums_over_rectangles_and_triangles() {
        let (width, height) = (7, 6);
        let pixels = picture(width, height);
        let mut integrals = Integrals::default();
        integrals.reserve(width + 3, height + 1, NEEDS);
        integrals.fill(&pixels, width, NEEDS);
        let sum = |inside: &dyn Fn(i32, i32) -> bool, value: &dyn Fn(i32) -> i32| -> i32 {
            (0..height as i32)
                .flat_map(|y| (0..width as i32).map(move |x| (x, y)))
                .filter(|&(x, y)| inside(x, y))
                .map(|(x, y)| value(i32::from(pixels[y as usize * width + x as usize])))
                .sum()
        };
        for y in 0..=height as i32 {
            for x in 0..=width as i32 {
                let at = y as usize * integrals.stride + x as usize;
                let rectangle = |px, py| px < x && py < y;
                let triangle = |px: i32, py| py < y && (px - x + 1).abs() < y - py;
                assert_eq!(integrals.sums[at], sum(&rectangle, &|p| p));
                assert_eq!(integrals.squares[at], sum(&rectangle, &|p| p * p));
                let tilted = integrals.sums[integrals.tilted_at + at];
                assert_eq!(tilted, sum(&triangle, &|p| p), "triangle at {x}, {y}");
            }
        }
    }
}
