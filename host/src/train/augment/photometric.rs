//! Changes of gray values on u8 planes `[side, side]`: light, lens, sensor and file.

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageResult};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{MAX_PIXELS, MAX_SIDE, SIDE};
use crate::train::recipe::Augment;

/// All of the recipe's changes to gray values that the contrast normalization does not undo, in
/// the order in which a camera makes them. Nothing is drawn for what is off.
pub(super) fn change(plane: &mut [u8], side: usize, augment: &Augment, rng: &mut impl Rng) {
    if augment.gamma > 0.0 {
        gamma(
            plane,
            (1.0 + augment.gamma).powf(2.0 * rng.random::<f32>() - 1.0),
        );
    }
    if augment.blur_sigma_px > 0.0 {
        let sigma_px = augment.blur_sigma_px * rng.random::<f32>();
        // As wide on the face at every side.
        blur(plane, side, sigma_px * side as f32 / SIDE as f32);
    }
    if augment.noise_std > 0.0 {
        let std = augment.noise_std * rng.random::<f32>();
        // Of its own generator: what is drawn later must not depend on the number of pixels, so
        // that teacher and student see the same variant at different sides.
        noise(plane, std, &mut ChaCha8Rng::seed_from_u64(rng.random()));
    }
    if let Some([least, most]) = augment.jpeg_quality {
        let quality = rng.random_range(least..=most);
        let coded = jpeg(plane, side, quality);
        assert!(
            coded.is_ok(),
            "a picture of {side} pixels in memory: {coded:?}"
        );
    }
}

/// Raises gray values, as shares of white, to `exponent`: above 1 darker, below 1 brighter.
fn gamma(plane: &mut [u8], exponent: f32) {
    let mut table = [0u8; 256];
    for (value, out) in table.iter_mut().enumerate() {
        *out = (255.0 * (value as f32 / 255.0).powf(exponent) + 0.5) as u8;
    }
    for p in plane {
        *p = table[usize::from(*p)];
    }
}

/// Gaussian blur of standard deviation `sigma_px`, edge pixels repeated; rounded once.
fn blur(plane: &mut [u8], side: usize, sigma_px: f32) {
    /// Half of the widest kernel: three deviations of the widest blur at the largest side.
    const MAX_RADIUS: usize = 20;
    let radius = ((3.0 * sigma_px).ceil() as usize).min(MAX_RADIUS);
    let mut kernel = [0f32; MAX_RADIUS + 1];
    for (distance, weight) in kernel.iter_mut().enumerate().take(radius + 1) {
        let deviations = distance as f32 / sigma_px.max(f32::MIN_POSITIVE);
        *weight = (-0.5 * deviations * deviations).exp();
    }
    let kernel = &mut kernel[..=radius];
    let total = 2.0 * kernel.iter().sum::<f32>() - kernel[0];
    kernel.iter_mut().for_each(|weight| *weight /= total);

    let mut rows = [0f32; MAX_PIXELS];
    let rows = &mut rows[..side * side];
    let mut padded = [0f32; MAX_SIDE + 2 * MAX_RADIUS];
    for (row, out) in plane.chunks_exact(side).zip(rows.chunks_exact_mut(side)) {
        padded[..radius].fill(f32::from(row[0]));
        for (to, from) in padded[radius..].iter_mut().zip(row) {
            *to = f32::from(*from);
        }
        padded[radius + side..][..radius].fill(f32::from(row[side - 1]));
        out.fill(0.0);
        for (distance, weight) in kernel.iter().enumerate() {
            let taps = if distance == 0 { 0.5 } else { 1.0 } * weight;
            let left = &padded[radius - distance..];
            let right = &padded[radius + distance..];
            for ((out, l), r) in out.iter_mut().zip(left).zip(right) {
                *out += taps * (l + r);
            }
        }
    }
    let mut sum = [0f32; MAX_SIDE];
    let sum = &mut sum[..side];
    for (y, out) in plane.chunks_exact_mut(side).enumerate() {
        sum.fill(0.0);
        for (distance, weight) in kernel.iter().enumerate() {
            let taps = if distance == 0 { 0.5 } else { 1.0 } * weight;
            let above = &rows[y.saturating_sub(distance) * side..];
            let below = &rows[(y + distance).min(side - 1) * side..];
            for ((sum, a), b) in sum.iter_mut().zip(above).zip(below) {
                *sum += taps * (a + b);
            }
        }
        for (out, sum) in out.iter_mut().zip(sum.iter()) {
            *out = (sum + 0.5) as u8;
        }
    }
}

/// Adds normal noise of standard deviation `std` gray levels to every pixel.
fn noise(plane: &mut [u8], std: f32, rng: &mut impl Rng) {
    for p in plane {
        let deviations: f32 = rng.sample(StandardNormal);
        *p = (f32::from(*p) + std * deviations + 0.5) as u8;
    }
}

/// Encodes as gray JPEG and decodes again.
fn jpeg(plane: &mut [u8], side: usize, quality: u8) -> ImageResult<()> {
    let px = side as u32;
    let mut file = Vec::with_capacity(plane.len());
    JpegEncoder::new_with_quality(&mut file, quality).encode(
        plane,
        px,
        px,
        ExtendedColorType::L8,
    )?;
    JpegDecoder::new(std::io::Cursor::new(&file))?.read_image(plane)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(plane: &[u8]) -> f64 {
        plane.iter().map(|p| f64::from(*p)).sum::<f64>() / plane.len() as f64
    }

    fn std(plane: &[u8]) -> f64 {
        let mean = mean(plane);
        let square = |p: &u8| (f64::from(*p) - mean).powi(2);
        (plane.iter().map(square).sum::<f64>() / plane.len() as f64).sqrt()
    }

    fn texture(side: usize) -> Vec<u8> {
        let value = |i: usize| 60 + (i * 37 % 131) as u8;
        (0..side * side).map(value).collect()
    }

    #[test]
    fn gamma_is_a_power_and_keeps_black_and_white() {
        let mut plane = [0, 16, 64, 128, 255];
        gamma(&mut plane, 2.0);
        assert_eq!(plane, [0, 1, 16, 64, 255]);
        let mut plane = [0, 64, 255];
        gamma(&mut plane, 0.5);
        assert_eq!(plane, [0, 128, 255]);
        let mut all: Vec<u8> = (0..=255).collect();
        gamma(&mut all, 1.0);
        assert!(all.iter().enumerate().all(|(i, p)| i == usize::from(*p)));
    }

    #[test]
    fn a_blurred_point_is_the_gaussian() {
        let side = 48;
        let sigma = 1.5f64;
        let mut plane = vec![0u8; side * side];
        for x in 0..side {
            // A column, so that only the horizontal profile counts.
            plane[x * side + 24] = 250;
        }
        blur(&mut plane, side, sigma as f32);
        let weight = |d: i32| (-0.5 * (f64::from(d) / sigma).powi(2)).exp();
        let total: f64 = (-5..=5).map(weight).sum();
        for (x, p) in plane[10 * side..][..side].iter().enumerate() {
            let d = x as i32 - 24;
            let expected = if d.abs() <= 5 {
                250.0 * weight(d) / total
            } else {
                0.0
            };
            assert!((f64::from(*p) - expected).abs() <= 0.51, "{x}: {p}");
        }
        let turned: Vec<u8> = (0..side * side)
            .map(|i| if i / side == 24 { 250 } else { 0 })
            .collect();
        let mut across = turned.clone();
        blur(&mut across, side, sigma as f32);
        assert!((0..side * side).all(|i| across[i] == plane[i % side * side + i / side]));
    }

    #[test]
    fn blur_keeps_flat_pictures_and_the_mean() {
        for side in [16, 40, 64] {
            for sigma in [0.0, 0.3, 1.0, 6.7] {
                let mut flat = vec![93; side * side];
                blur(&mut flat, side, sigma);
                assert!(flat.iter().all(|p| *p == 93), "{side} {sigma}");
            }
            // Away from the edges, whose pixels count more often than others.
            let middle = 5..side - 5;
            let inside = |i: usize| middle.contains(&(i % side)) && middle.contains(&(i / side));
            let texture_inside = |(i, p)| if inside(i) { p } else { 120 };
            let mut plane: Vec<u8> = texture(side)
                .into_iter()
                .enumerate()
                .map(texture_inside)
                .collect();
            let before = (mean(&plane), std(&plane));
            blur(&mut plane, side, 1.5);
            assert!((mean(&plane) - before.0).abs() < 0.5, "{side}");
            assert!(std(&plane) < 0.5 * before.1, "{side}");
            let mut plane = texture(side);
            blur(&mut plane, side, 0.0);
            assert_eq!(plane, texture(side));
        }
    }

    #[test]
    fn noise_has_the_wanted_deviation_and_no_bias() {
        let mut plane = vec![128; 64 * 64];
        noise(&mut plane, 10.0, &mut ChaCha8Rng::seed_from_u64(1));
        assert!((mean(&plane) - 128.0).abs() < 0.5, "{}", mean(&plane));
        assert!((std(&plane) - 10.0).abs() < 0.3, "{}", std(&plane));
        let mut plane = texture(48);
        noise(&mut plane, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(plane, texture(48));
    }

    #[test]
    fn later_draws_do_not_depend_on_the_side() {
        let augment = Augment {
            noise_std: 5.0,
            blur_sigma_px: 1.0,
            gamma: 0.2,
            ..Augment::default()
        };
        let next = |side: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            change(&mut texture(side), side, &augment, &mut rng);
            rng.random::<u64>()
        };
        assert_eq!(next(32), next(48));
    }

    #[test]
    fn jpeg_loses_little_at_high_and_much_at_low_quality() {
        let error = |quality| {
            let mut plane = texture(40);
            jpeg(&mut plane, 40, quality).unwrap();
            assert!((mean(&plane) - mean(&texture(40))).abs() < 2.0);
            let square = |(a, b): (&u8, u8)| (f64::from(*a) - f64::from(b)).powi(2);
            let sum: f64 = plane.iter().zip(texture(40)).map(square).sum();
            (sum / plane.len() as f64).sqrt()
        };
        let (high, low) = (error(100), error(10));
        assert!(high < 1.0 && low > 5.0, "{high} {low}");
        let mut flat = vec![128; 48 * 48];
        jpeg(&mut flat, 48, 5).unwrap();
        assert!(flat.iter().all(|p| *p == 128));
    }

    #[test]
    fn what_is_off_draws_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut plane = texture(48);
        change(&mut plane, 48, &Augment::default(), &mut rng);
        assert_eq!(plane, texture(48));
        assert_eq!(rng, ChaCha8Rng::seed_from_u64(5));
    }
}
