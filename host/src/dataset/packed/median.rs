//! The median edge predictor of LOCO-I (Weinberger, Seroussi & Sapiro, "The LOCO-I Lossless Image
//! Compression Algorithm", IEEE Transactions on Image Processing 9, 2000): what is left of a
//! picture after it is small numbers, which compress.

use super::{PIXELS, SIDE};

/// What each pixel `[SIDE, SIDE]` is above its prediction, modulo 256.
pub(super) fn residual(pixels: &[u8; PIXELS]) -> [u8; PIXELS] {
    std::array::from_fn(|at| pixels[at].wrapping_sub(prediction(pixels, at)))
}

/// Turns a residual into its picture, in place.
pub(super) fn restore(residual: &mut [u8; PIXELS]) {
    for at in 0..PIXELS {
        residual[at] = residual[at].wrapping_add(prediction(residual, at));
    }
}

/// From the neighbours left, above and above left, all of which come before `at`. The first row
/// and column have one neighbour, the first pixel none.
fn prediction(pixels: &[u8; PIXELS], at: usize) -> u8 {
    match (at / SIDE, at % SIDE) {
        (0, 0) => 0,
        (0, _) => pixels[at - 1],
        (_, 0) => pixels[at - SIDE],
        _ => {
            let (left, above) = (pixels[at - 1], pixels[at - SIDE]);
            let corner = pixels[at - SIDE - 1];
            let (low, high) = (left.min(above), left.max(above));
            if corner >= high {
                low
            } else if corner <= low {
                high
            } else {
                // Between the two, so the sum stays in range.
                left.wrapping_add(above).wrapping_sub(corner)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The neighbours' prediction for a pixel inside.
    fn inside(corner: u8, above: u8, left: u8) -> u8 {
        let mut pixels = [0; PIXELS];
        [pixels[0], pixels[1], pixels[SIDE]] = [corner, above, left];
        prediction(&pixels, SIDE + 1)
    }

    #[test]
    fn predictions_are_those_of_the_paper() {
        assert_eq!(inside(10, 10, 10), 10);
        // An edge above: the corner is as high as the higher neighbour.
        assert_eq!(inside(200, 200, 50), 50);
        assert_eq!(inside(250, 200, 50), 50);
        // An edge to the left.
        assert_eq!(inside(50, 200, 50), 200);
        // A plane: the median of 110, 100 and 110 + 100 - 105.
        assert_eq!(inside(105, 110, 100), 105);
        assert_eq!(inside(254, 255, 253), 254);
    }

    #[test]
    fn a_slope_leaves_single_steps() {
        let pixels = std::array::from_fn(|at| (7 + at / SIDE * 2 + at % SIDE * 3) as u8);
        let residual = residual(&pixels);
        assert_eq!(residual[0], 7);
        assert!(residual[1..SIDE].iter().all(|&r| r == 3));
        assert!(residual[SIDE..].iter().all(|&r| r == 2));
    }

    proptest! {
        #[test]
        fn every_picture_comes_back(pixels in prop::collection::vec(any::<u8>(), PIXELS)) {
            let pixels: [u8; PIXELS] = pixels.try_into().unwrap();
            let mut restored = residual(&pixels);
            restore(&mut restored);
            prop_assert!(restored == pixels);
        }
    }
}
