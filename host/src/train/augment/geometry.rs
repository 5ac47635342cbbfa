//! Where the pixels of a changed picture come from.

use rand::Rng;

use super::{SIDE, detector};
use crate::train::recipe::Augment;

/// An affine change about the centre of the 48 x 48 source, as the inverse map that a resampling
/// needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Warp {
    /// From an offset in the result to one in the source, `[[xx, xy], [yx, yy]]`.
    pub inverse: [[f32; 2]; 2],
    /// How far the result is moved, `[x, y]` in source pixels.
    pub shift: [f32; 2],
}

impl Warp {
    /// All of the recipe's geometric changes as one, or none when it has none. Nothing is drawn
    /// for what is off, so that a recipe's stream does not depend on keys added later.
    pub fn draw(augment: &Augment, rng: &mut impl Rng) -> Option<Self> {
        let mut all: Option<Self> = None;
        let mut then = |next: Self| all = Some(all.map_or(next, |earlier| earlier.then(next)));
        if augment.rotation_deg > 0.0 || augment.scale > 0.0 || augment.shift > 0.0 {
            let mut symmetric = symmetric(rng);
            let angle = symmetric(augment.rotation_deg).to_radians();
            let scale = 1.0 + symmetric(augment.scale);
            let shift = [symmetric(augment.shift), symmetric(augment.shift)];
            then(Self::new(angle, scale, shift.map(|s| s * SIDE as f32)));
        }
        if augment.shear_deg > 0.0 {
            let mut symmetric = symmetric(rng);
            let angles = [symmetric(augment.shear_deg), symmetric(augment.shear_deg)];
            then(Self::shear(angles.map(f32::to_radians)));
        }
        if let Some(area) = augment.crop_area {
            then(random_crop(area, augment.crop_aspect, rng));
        }
        if augment.detector_jitter > 0.0 {
            then(detector::jitter(augment.detector_jitter, rng));
        }
        all
    }

    /// Rotation in radians (clockwise on screen), then magnification, then shift in pixels.
    pub fn new(angle: f32, scale: f32, shift: [f32; 2]) -> Self {
        let (sin, cos) = (angle.sin() / scale, angle.cos() / scale);
        Self {
            inverse: [[cos, sin], [-sin, cos]],
            shift,
        }
    }

    /// Moves rows by the tangent of the first angle times their height above the centre, and
    /// columns likewise by the second; in radians.
    pub fn shear(angles: [f32; 2]) -> Self {
        let [x, y] = angles.map(f32::tan);
        let share = 1.0 / (1.0 - x * y);
        Self {
            inverse: [[share, -x * share], [-y * share, share]],
            shift: [0.0; 2],
        }
    }

    /// Makes a part of the picture the whole: its left top corner and its size, `[x, y]` as
    /// shares of the side.
    pub fn crop(corner: [f32; 2], size: [f32; 2]) -> Self {
        let shift = |i: usize| (0.5 - corner[i]) / size[i] - 0.5;
        Self {
            inverse: [[size[0], 0.0], [0.0, size[1]]],
            shift: [shift(0) * SIDE as f32, shift(1) * SIDE as f32],
        }
    }

    /// This change and then another.
    fn then(self, next: Self) -> Self {
        let ([a, b], [[e, f], [g, h]]) = (self.inverse, next.inverse);
        // Where the other one moves this one's shift to.
        let share = 1.0 / (e * h - f * g);
        let [x, y] = self.shift;
        let moved = [(h * x - f * y) * share, (e * y - g * x) * share];
        let row = |[p, q]: [f32; 2]| [p * e + q * g, p * f + q * h];
        Self {
            inverse: [row(a), row(b)],
            shift: [next.shift[0] + moved[0], next.shift[1] + moved[1]],
        }
    }

    /// Source pixels per pixel of a result of the source's size, along its rows or columns,
    /// whichever is more.
    pub fn step(&self) -> f32 {
        let [[xx, xy], [yx, yy]] = self.inverse;
        xx.hypot(yx).max(xy.hypot(yy))
    }

    /// Magnification and shift `[x, y]` in pixels of a change without rotation.
    #[cfg(test)]
    pub fn scale_and_shift(&self) -> (f32, [f32; 2]) {
        (1.0 / self.inverse[0][0], self.shift)
    }
}

/// Draws evenly from `-range..range`.
fn symmetric(rng: &mut impl Rng) -> impl FnMut(f32) -> f32 {
    |range| range * (2.0 * rng.random::<f32>() - 1.0)
}

/// A part with an area in `[least, most]` shares of the whole, width to height log-uniform
/// between `1 / (1 + aspect)` and `1 + aspect`, anywhere inside the picture.
fn random_crop([least, most]: [f32; 2], aspect: f32, rng: &mut impl Rng) -> Warp {
    let mut unit = || rng.random::<f32>();
    let area = least + (most - least) * unit();
    // A part longer than the picture would not lie in it.
    let longest = (1.0 + aspect).min(1.0 / area);
    let ratio = longest.powf(2.0 * unit() - 1.0);
    let size = [(area * ratio).sqrt(), (area / ratio).sqrt()].map(|s| s.min(1.0));
    let corner = [(1.0 - size[0]) * unit(), (1.0 - size[1]) * unit()];
    Warp::crop(corner, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const NEUTRAL: Warp = Warp {
        inverse: [[1.0, 0.0], [0.0, 1.0]],
        shift: [0.0, 0.0],
    };

    /// Where the result's pixel `(x, y)` comes from.
    fn origin(warp: &Warp, x: f32, y: f32) -> [f32; 2] {
        let (dx, dy) = (x - 23.5 - warp.shift[0], y - 23.5 - warp.shift[1]);
        warp.inverse.map(|[p, q]| p * dx + q * dy + 23.5)
    }

    #[test]
    fn one_change_after_another_is_their_composition() {
        let first = Warp::new(0.3, 1.2, [5.0, -2.0]);
        let second = Warp::shear([0.2, -0.1]).then(Warp::crop([0.1, 0.3], [0.5, 0.6]));
        for (x, y) in [(0.0, 0.0), (47.0, 11.0), (23.5, 23.5), (30.0, 40.0)] {
            let [middle_x, middle_y] = origin(&second, x, y);
            let expected = origin(&first, middle_x, middle_y);
            let [sx, sy] = origin(&first.then(second), x, y);
            let off = (sx - expected[0]).hypot(sy - expected[1]);
            assert!(off < 1e-4, "{x} {y}: {off}");
        }
        assert_eq!(NEUTRAL.then(first), first);
        let [sx, sy] = origin(&first.then(NEUTRAL), 3.0, 4.0);
        assert_eq!([sx, sy], origin(&first, 3.0, 4.0));
    }

    #[test]
    fn random_crops_have_their_area_and_lie_inside() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..2000 {
            let crop = random_crop([0.4, 0.9], 0.5, &mut rng);
            let [[w, _], [_, h]] = crop.inverse;
            assert!((0.4 - 1e-5..=0.9 + 1e-5).contains(&(w * h)), "{w} {h}");
            assert!(
                (1.0 / 1.5 - 1e-5..=1.5 + 1e-5).contains(&(w / h)),
                "{w} {h}"
            );
            for corner in [origin(&crop, -0.5, -0.5), origin(&crop, 47.5, 47.5)] {
                assert!(
                    corner.iter().all(|v| (-0.501..=47.501).contains(v)),
                    "{corner:?}"
                );
            }
        }
    }

    #[test]
    fn the_whole_as_crop_changes_nothing() {
        let crop = random_crop([1.0, 1.0], 0.5, &mut ChaCha8Rng::seed_from_u64(2));
        assert_eq!(crop, NEUTRAL);
    }
}
