//! Random changes of one training picture, and its resampling to the network's input.
//!
//! Geometry comes first, composed into one resampling from the 48 x 48 source straight to the
//! wanted side, so that nothing is interpolated twice; then light, lens, sensor and file on the u8
//! plane; then the contrast normalization the device does too; then what that would undo.

pub mod detector;
mod erase;
mod geometry;
mod photometric;
#[cfg(test)]
mod properties;
mod resample;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use mien_models::preprocess::{Preprocessing, normalize_contrast};
use rand::Rng;

use super::plan::SIDE;
use super::recipe::Augment;
use erase::{ERASE_AREA, erase};
use geometry::Warp;
use resample::{resize, warp};

/// Pixels of one source picture.
pub const PIXELS: usize = SIDE * SIDE;
/// Sides of the network input, in pixels, that a picture can be resampled to.
pub const SIDES: RangeInclusive<usize> = 16..=64;
/// Rows of the largest output, and its pixels.
const MAX_SIDE: usize = *SIDES.end();
const MAX_PIXELS: usize = MAX_SIDE * MAX_SIDE;

/// Writes the network input `[side, side]` of a picture `[48, 48]` as it is, resized as the
/// device does it.
///
/// # Panics
/// When `side` is outside [`SIDES`], or a slice has another length.
pub fn plain(pixels: &[u8], preprocessing: &Preprocessing, side: usize, out: &mut [f32]) {
    let source = checked(pixels, side, out);
    let mut plane = [0u8; MAX_PIXELS];
    let plane = &mut plane[..side * side];
    resize(&source, side, plane);
    normalize_contrast(plane, &preprocessing.contrast);
    for (out, p) in out.iter_mut().zip(plane) {
        *out = preprocessing.network_input(*p);
    }
}

/// Writes the network input `[side, side]` of a randomly changed picture `[48, 48]`.
///
/// # Panics
/// As [`plain`].
pub fn random(
    pixels: &[u8],
    preprocessing: &Preprocessing,
    augment: &Augment,
    side: usize,
    rng: &mut impl Rng,
    out: &mut [f32],
) {
    let mut source = checked(pixels, side, out);
    if augment.flip && rng.random() {
        for row in source.chunks_exact_mut(SIDE) {
            row.reverse();
        }
    }
    let mut plane = [0u8; MAX_PIXELS];
    let plane = &mut plane[..side * side];
    match Warp::draw(augment, rng) {
        Some(map) => warp(&source, &map, augment.border, side, plane),
        None => resize(&source, side, plane),
    }
    photometric::change(plane, side, augment, rng);
    normalize_contrast(plane, &preprocessing.contrast);
    let contrast = 1.0 + augment.contrast * (2.0 * rng.random::<f32>() - 1.0);
    let mut brightness = 0.0;
    if augment.brightness > 0.0 {
        let share = augment.brightness * (2.0 * rng.random::<f32>() - 1.0);
        brightness = share * 255.0 * preprocessing.scale;
    }
    for (out, p) in out.iter_mut().zip(plane) {
        *out = contrast * preprocessing.network_input(*p) + brightness;
    }
    if rng.random::<f32>() < augment.erase {
        erase(out, side, augment.erase_area.unwrap_or(ERASE_AREA), rng);
    }
}

/// The picture as an array, once the sizes are known to be right.
fn checked(pixels: &[u8], side: usize, out: &[f32]) -> [u8; PIXELS] {
    assert!(
        SIDES.contains(&side),
        "side {side} is outside 16 to 64 pixels"
    );
    assert_eq!(out.len(), side * side, "the output is not [side, side]");
    let mut source = [0u8; PIXELS];
    source.copy_from_slice(pixels);
    source
}
