//! Random erasing (Zhong et al. 2020).

use rand::Rng;

/// Area of the rectangle, where the recipe says nothing.
pub(super) const ERASE_AREA: [f32; 2] = [0.02, 0.2];

/// Sets a rectangle with an area in `[least, most]` shares of `out` `[side, side]`, sides 1:2 to
/// 2:1 (cut to the picture), to 0.
pub(super) fn erase(out: &mut [f32], side: usize, [least, most]: [f32; 2], rng: &mut impl Rng) {
    // An empty range cannot be drawn from.
    let share = if least < most {
        rng.random_range(least..most)
    } else {
        least
    };
    let area = share * (side * side) as f32;
    let ratio = rng.random_range(-1.0f32..1.0).exp2();
    let height = ((area * ratio).sqrt() as usize).clamp(1, side);
    let width = ((area / ratio).sqrt() as usize).clamp(1, side);
    let (top, left) = (
        rng.random_range(0..=side - height),
        rng.random_range(0..=side - width),
    );
    for row in out.chunks_exact_mut(side).skip(top).take(height) {
        row[left..left + width].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_rectangle_of_the_wanted_share_is_erased_at_any_side() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for side in [16, 40, 48, 64] {
            for _ in 0..200 {
                let mut out = vec![1f32; side * side];
                erase(&mut out, side, ERASE_AREA, &mut rng);
                let erased = |v: &&f32| **v == 0.0;
                let count = out.iter().filter(erased).count();
                assert!(count >= 1 && count as f32 <= 0.2 * (side * side) as f32);
                let widths: Vec<usize> = out
                    .chunks_exact(side)
                    .map(|row| row.iter().filter(erased).count())
                    .filter(|n| *n > 0)
                    .collect();
                assert_eq!(count, widths.len() * widths[0], "a rectangle");
            }
        }
    }
}
