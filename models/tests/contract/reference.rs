//! Slow references for the preprocessing, and the crops it is tried on.

use mien_models::crop::CropRect;
use mien_models::preprocess::resize_crop;
use mien_models::procedural::{Plane, Rng, Scene, plane};

/// Resizes a crop of a picture, both known to be valid.
pub fn resize(picture: &Plane, crop: &CropRect, width: u16, height: u16) -> Vec<u8> {
    let mut out = vec![0; usize::from(width) * usize::from(height)];
    let view = picture.view().expect("fields fit");
    resize_crop(&view, crop, width, height, &mut out).expect("sizes fit");
    out
}

/// Pictures with upright crops in, around and beyond them, and output sizes `[width, height]`.
pub fn areas(count: u64) -> Vec<(Plane, CropRect, [u16; 2])> {
    (0..count)
        .map(|seed| {
            let mut rng = Rng::new(0xC0DE + seed);
            let scene = Scene::ALL[seed as usize % Scene::ALL.len()];
            let (width, height) = (rng.between(1, 40), rng.between(1, 40));
            let crop = CropRect {
                center_x_q8: rng.between(-20 * 256, 60 * 256),
                center_y_q8: rng.between(-20 * 256, 60 * 256),
                width_q8: rng.between(1, 50 * 256),
                height_q8: rng.between(1, 50 * 256),
                rotation_turn_q16: 0,
            };
            let out = [rng.between(1, 20) as u16, rng.between(1, 20) as u16];
            (plane(scene, seed, width as u32, height as u32), crop, out)
        })
        .collect()
}

/// The picture with its edges continued for ever.
fn pixel(picture: &Plane, x: i64, y: i64) -> u8 {
    let x = x.clamp(0, i64::from(picture.width) - 1);
    let y = y.clamp(0, i64::from(picture.height) - 1);
    picture.pixels[(y * i64::from(picture.width) + x) as usize]
}

/// The mean over each output pixel's footprint from its definition, pixel by pixel: the overlap
/// of every pixel of the continued picture, in exact fractions.
pub fn exact_area_mean(picture: &Plane, crop: &CropRect, width: u16, height: u16) -> Vec<u8> {
    // Footprints as whole numbers of 1/(512 n) pixel.
    let footprint = |center_q8: i32, size_q8: i32, n: u16, index: u16| {
        let (n, size) = (i128::from(n), i128::from(size_q8));
        let corner = 2 * i128::from(center_q8) - size;
        let center = corner * n + size * (2 * i128::from(index) + 1);
        let length = (2 * size).max(512 * n);
        assert_eq!(length % 2, 0);
        (center - length / 2, center + length / 2, 512 * n)
    };
    let overlaps = |(from, to, one): (i128, i128, i128)| -> Vec<(i64, i128)> {
        (-200_i64..300)
            .map(|k| {
                let left = (i128::from(k) * one).max(from);
                let right = (i128::from(k + 1) * one).min(to);
                (k, (right - left).max(0))
            })
            .filter(|&(_, overlap)| overlap > 0)
            .collect()
    };
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let across = overlaps(footprint(crop.center_x_q8, crop.width_q8, width, x));
            let down = overlaps(footprint(crop.center_y_q8, crop.height_q8, height, y));
            let (mut sum, mut area) = (0, 0);
            for &(y, h) in &down {
                for &(x, w) in &across {
                    sum += w * h * i128::from(pixel(picture, x, y));
                    area += w * h;
                }
            }
            out.push(((2 * sum + area) / (2 * area)) as u8);
        }
    }
    out
}

/// A rotated crop sampled in floating point, at as many points as the fixed-point code takes.
pub fn float_rotated(picture: &Plane, crop: &CropRect, width: u16, height: u16) -> Vec<f64> {
    let angle = f64::from(crop.rotation_turn_q16) / 65536.0 * std::f64::consts::TAU;
    let (sin, cos) = angle.sin_cos();
    let (crop_width, crop_height) = (
        f64::from(crop.width_q8) / 256.0,
        f64::from(crop.height_q8) / 256.0,
    );
    let samples = |size: f64, n: u16| (size / f64::from(n)).ceil().clamp(1.0, 64.0) as u32;
    let (across, down) = (samples(crop_width, width), samples(crop_height, height));
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0.0;
            for sample_y in 0..down {
                for sample_x in 0..across {
                    let offset = |index: u16, sample, samples, n: u16, size: f64| {
                        let part = (f64::from(sample) + 0.5) / f64::from(samples);
                        ((f64::from(index) + part) / f64::from(n) - 0.5) * size
                    };
                    let u = offset(x, sample_x, across, width, crop_width);
                    let v = offset(y, sample_y, down, height, crop_height);
                    sum += float_bilinear(
                        picture,
                        f64::from(crop.center_x_q8) / 256.0 + u * cos - v * sin,
                        f64::from(crop.center_y_q8) / 256.0 + u * sin + v * cos,
                    );
                }
            }
            out.push(sum / f64::from(across * down));
        }
    }
    out
}

fn float_bilinear(picture: &Plane, x: f64, y: f64) -> f64 {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (part_x, part_y) = (x - left, y - top);
    let at = |dx: i64, dy: i64| f64::from(pixel(picture, left as i64 + dx, top as i64 + dy));
    let along = |dy| at(0, dy) * (1.0 - part_x) + at(1, dy) * part_x;
    along(0) * (1.0 - part_y) + along(1) * part_y
}

/// Mean and standard deviation.
pub fn moments(pixels: &[u8]) -> (f64, f64) {
    let n = pixels.len() as f64;
    let mean = pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / n;
    let variance = pixels
        .iter()
        .map(|&p| (f64::from(p) - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, variance.sqrt())
}

/// Contrast normalization in floating point, before rounding.
pub fn float_standardized(pixels: &[u8], mean: f64, std: f64, min_std: f64) -> Vec<f64> {
    let (own_mean, own_std) = moments(pixels);
    pixels
        .iter()
        .map(|&p| ((f64::from(p) - own_mean) * std / own_std.max(min_std) + mean).clamp(0.0, 255.0))
        .collect()
}

/// Whether a byte is this close to a real number.
pub fn within(byte: u8, real: f64, tolerance: f64) -> bool {
    (f64::from(byte) - real).abs() <= tolerance
}
