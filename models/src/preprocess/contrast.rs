//! Contrast normalization by the picture's own mean and standard deviation.

use super::Contrast;

/// Normalizes the contrast of a picture in place. Nothing happens to an empty one.
///
/// With n pixels, sum S and sum of squares Q the standard deviation is `sqrt(nQ - S²) / n`; its
/// square root is taken with 8 fractional bits and rounded down, everything else is exact, and
/// the result is rounded half up. Zero deviations in `contrast`, which no valid file holds, count
/// as 1.
pub fn normalize_contrast(pixels: &mut [u8], contrast: &Contrast) {
    let Contrast::Standardize {
        target_mean,
        target_std,
        min_std,
    } = *contrast
    else {
        return;
    };
    let n = pixels.len() as i128;
    let sum: u64 = pixels.iter().map(|&p| u64::from(p)).sum();
    let squares: u64 = pixels.iter().map(|&p| u64::from(p) * u64::from(p)).sum();
    let sum = i128::from(sum);
    let std_n_q8 = ((n * i128::from(squares) - sum * sum) << 16).isqrt();
    let divisor = std_n_q8.max(n * i128::from(min_std.max(1)) * 256);

    // One division per gray level rather than per pixel.
    let mut table = [0_u8; 256];
    for (level, entry) in (0_i128..).zip(&mut table) {
        let dividend = (n * level - sum) * i128::from(target_std.max(1)) * 256;
        let rounded = if n == 0 {
            0
        } else {
            (2 * dividend + divisor).div_euclid(2 * divisor)
        };
        *entry = (rounded + i128::from(target_mean)).clamp(0, 255) as u8;
    }
    for pixel in pixels {
        *pixel = table[usize::from(*pixel)];
    }
}
