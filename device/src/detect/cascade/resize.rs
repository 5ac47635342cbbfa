//! Bilinear reduction with 8 fractional bits, byte for byte as OpenCV's `INTER_LINEAR_EXACT`.

use mien_models::plane::GrayView;

/// One, with 8 fractional bits.
const ONE: u16 = 256;

/// Between which two source pixels a pixel lies, and the weights of both (their sum is [`ONE`]).
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    indices: [usize; 2],
    weights: [u16; 2],
}

/// Resizes pictures, keeping its buffers.
#[derive(Debug, Default)]
pub(super) struct Resizer {
    columns: Vec<Tap>,
    /// Two source rows, resized in x, with 8 fractional bits.
    lines: [Vec<u16>; 2],
}

impl Resizer {
    /// Writes `view` at `width` x `height` (both > 0) to `out`, rows without padding.
    pub(super) fn resize(
        &mut self,
        view: &GrayView<'_>,
        width: usize,
        height: usize,
        out: &mut Vec<u8>,
    ) {
        let source_width = view.width() as usize;
        self.columns.clear();
        self.columns
            .extend((0..width).map(|x| tap(x, source_width, width)));
        out.clear();
        out.reserve(width * height);
        // Which source row each line holds.
        let mut held = [usize::MAX; 2];
        for y in 0..height {
            let rows = tap(y, view.height() as usize, height);
            // Rows come in ascending order: the upper one is often the last lower one.
            if held[1] == rows.indices[0] {
                self.lines.swap(0, 1);
                held.swap(0, 1);
            }
            for (slot, &row) in rows.indices.iter().enumerate() {
                if held[slot] != row {
                    let source = view.row(row as u32);
                    resize_row(source, &self.columns, &mut self.lines[slot]);
                    held[slot] = row;
                }
            }
            let [upper, lower] = rows.weights.map(u32::from);
            let pairs = self.lines[0].iter().zip(&self.lines[1]);
            out.extend(pairs.map(|(&above, &below)| {
                let sum = u32::from(above) * upper + u32::from(below) * lower;
                ((sum + (1 << 15)) >> 16) as u8
            }));
        }
    }
}

fn resize_row(source: &[u8], columns: &[Tap], line: &mut Vec<u16>) {
    line.clear();
    line.extend(columns.iter().map(|tap| {
        let [left, right] = tap.indices.map(|index| u16::from(source[index]));
        // At most 255 * 256.
        left * tap.weights[0] + right * tap.weights[1]
    }));
}

/// Where pixel `index` of `target` pixels comes from in a row of `source` pixels.
fn tap(index: usize, source: usize, target: usize) -> Tap {
    // The two divisions are OpenCV's; one would round differently.
    let step = 1.0 / (target as f64 / source as f64);
    let position = step * (index as f64 + 0.5) - 0.5;
    let floor = position.floor();
    let last = source - 1;
    if floor < 0.0 {
        return at(0);
    }
    let first = floor as usize;
    if first >= last {
        return at(last);
    }
    let right = ((position - floor) * f64::from(ONE)).round_ties_even() as u16;
    Tap {
        indices: [first, first + 1],
        weights: [ONE - right, right],
    }
}

/// One pixel alone.
fn at(index: usize) -> Tap {
    Tap {
        indices: [index, index],
        weights: [ONE, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(pixels: &[u8], from: (u32, u32), to: (usize, usize)) -> Vec<u8> {
        let view = GrayView::packed(pixels, from.0, from.1).unwrap();
        let mut out = Vec::new();
        Resizer::default().resize(&view, to.0, to.1, &mut out);
        out
    }

    #[test]
    fn the_same_size_is_a_copy() {
        let pixels: Vec<u8> = (0..12).map(|i| i * 20).collect();
        assert_eq!(resized(&pixels, (4, 3), (4, 3)), pixels);
    }

    #[test]
    fn halving_averages_four_pixels() {
        assert_eq!(resized(&[0, 10, 100, 110], (2, 2), (1, 1)), [55]);
    }

    #[test]
    fn one_pixel_fills_everything() {
        assert_eq!(resized(&[9], (1, 1), (3, 2)), [9; 6]);
    }

    #[test]
    fn weights_are_those_of_opencv() {
        // cv2.resize(numpy.array([[0, 50, 100, 200, 255, 7, 80]], "uint8"), (5, 1),
        //            interpolation=cv2.INTER_LINEAR_EXACT)
        let pixels = [0, 50, 100, 200, 255, 7, 80];
        assert_eq!(resized(&pixels, (7, 1), (5, 1)), [10, 80, 200, 156, 65]);
    }
}
