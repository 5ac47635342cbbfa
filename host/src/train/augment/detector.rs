//! Jitter as a face detector's boxes jitter about the same face.
//!
//! Measured over our detectors' boxes, as shares of the crop's side once each detector's mean
//! offset is corrected: the scale varies with a standard deviation of 0.08 (YuNet) to 0.12 (the
//! Haar cascade), the centre with one of 0.02 to 0.07. Every picture is given to a detector drawn
//! evenly between the steadiest and the loosest.

use rand::Rng;
use rand_distr::StandardNormal;

use super::SIDE;
use super::geometry::Warp;

/// Standard deviation of the box's scale, steadiest and loosest detector.
pub const SCALE_STD: [f32; 2] = [0.08, 0.12];
/// Standard deviation of the box's centre in x and y, in sides of the box.
pub const SHIFT_STD: [f32; 2] = [0.02, 0.07];
/// Beyond this many standard deviations a box would not be taken for that face.
const MAX_DEVIATIONS: f32 = 2.5;

/// A change with `strength` times the measured deviations. Scales are log-normal, so that boxes
/// half and twice as large are equally likely.
pub(super) fn jitter(strength: f32, rng: &mut impl Rng) -> Warp {
    let looseness: f32 = rng.random();
    let between = |[low, high]: [f32; 2]| strength * (low + (high - low) * looseness);
    let mut normal = |std: f32| {
        let deviations: f32 = rng.sample(StandardNormal);
        std * deviations.clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS)
    };
    let scale = normal(between(SCALE_STD)).exp();
    let std_px = between(SHIFT_STD) * SIDE as f32;
    Warp::new(0.0, scale, [normal(std_px), normal(std_px)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn deviations_are_the_measured_ones() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let draws = 20_000;
        let mut squares = [0f32; 3];
        for _ in 0..draws {
            let (scale, [x, y]) = jitter(1.0, &mut rng).scale_and_shift();
            for (sum, v) in squares
                .iter_mut()
                .zip([scale.ln(), x / SIDE as f32, y / SIDE as f32])
            {
                *sum += v * v;
            }
        }
        let [scale, x, y] = squares.map(|sum| (sum / draws as f32).sqrt());
        // Root mean squares of sd uniform in the ranges, 1% less for the cut tails.
        assert!((scale - 0.100).abs() < 0.003, "{scale}");
        assert!(
            (x - 0.047).abs() < 0.002 && (y - 0.047).abs() < 0.002,
            "{x} {y}"
        );
    }
}
