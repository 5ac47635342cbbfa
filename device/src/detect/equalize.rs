//! Histogram equalization, byte for byte as OpenCV's `equalizeHist`.

use mien_models::plane::GrayView;

/// Writes the equalized picture to `out`, `[height, width]` without padding. A picture of one
/// gray stays as it is.
pub fn equalize_hist(view: &GrayView<'_>, out: &mut Vec<u8>) {
    let table = equalizing_table(view);
    out.clear();
    for y in 0..view.height() {
        out.extend(view.row(y).iter().map(|&gray| table[usize::from(gray)]));
    }
}

fn equalizing_table(view: &GrayView<'_>) -> [u8; 256] {
    let mut histogram = [0_u32; 256];
    for y in 0..view.height() {
        for &gray in view.row(y) {
            histogram[usize::from(gray)] += 1;
        }
    }
    let mut table = [0_u8; 256];
    let darkest = histogram.iter().position(|&count| count > 0).unwrap_or(0);
    let total = view.width() * view.height();
    let others = total - histogram[darkest];
    if others == 0 {
        table[darkest] = darkest as u8;
        return table;
    }
    // OpenCV computes in f32 and rounds halves to even.
    let scale = 255.0 / others as f32;
    let mut below = 0_u32;
    for gray in darkest + 1..256 {
        below += histogram[gray];
        table[gray] = (below as f32 * scale).round_ties_even() as u8;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equalized(pixels: &[u8], width: u32) -> Vec<u8> {
        let height = pixels.len() as u32 / width;
        let view = GrayView::packed(pixels, width, height).unwrap();
        let mut out = Vec::new();
        equalize_hist(&view, &mut out);
        out
    }

    #[test]
    fn one_gray_stays() {
        for gray in [0, 7, 255] {
            assert_eq!(equalized(&[gray; 6], 3), [gray; 6]);
        }
    }

    #[test]
    fn grays_spread_by_rank() {
        // cv2.equalizeHist(numpy.array([[10, 10, 20, 30], [20, 20, 40, 40]], "uint8"))
        let pixels = [10, 10, 20, 30, 20, 20, 40, 40];
        assert_eq!(equalized(&pixels, 4), [0, 0, 128, 170, 128, 128, 255, 255]);
    }
}
