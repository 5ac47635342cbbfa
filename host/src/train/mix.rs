//! Pictures of a batch blended with each other.

use rand::Rng;
use rand_distr::Beta;

/// Gives `share` of a target evenly to all classes. A target without label stays so.
pub fn smooth(target: &mut [f32], share: f32) {
    let (sum, even) = (target.iter().sum::<f32>(), share / target.len() as f32);
    for t in target {
        *t = *t * (1.0 - share) + sum * even;
    }
}

/// Mixup or cutmix of every picture with its mirror position in the batch, with one factor for the
/// batch from Beta(alpha, alpha). `alphas` are theirs, 0 is off; where both are on they take turns
/// by chance. `rows` are values per picture, blended in the proportion of the pictures.
pub fn mix(
    inputs: &mut [f32],
    side: usize,
    rows: &mut [(&mut [f32], usize)],
    [mixup_alpha, cutmix_alpha]: [f64; 2],
    rng: &mut impl Rng,
) {
    let cut = match (mixup_alpha > 0.0, cutmix_alpha > 0.0) {
        (false, false) => return,
        (true, true) => rng.random(),
        (_, cut) => cut,
    };
    let alpha = if cut { cutmix_alpha } else { mixup_alpha } as f32;
    let Ok(beta) = Beta::new(alpha, alpha) else {
        return;
    };
    let mut share: f32 = rng.sample(beta);
    if cut {
        share = swap_rectangle(inputs, side, share, rng);
    } else {
        blend(inputs, side * side, share);
    }
    for (values, width) in rows {
        blend(values, *width, share);
    }
}

/// Mirror positions `[width]` each.
fn pairs(values: &mut [f32], width: usize) -> impl Iterator<Item = (&mut [f32], &mut [f32])> {
    let len = values.len() / width;
    let (front, back) = values.split_at_mut(len / 2 * width);
    front
        .chunks_exact_mut(width)
        .zip(back.chunks_exact_mut(width).rev())
}

/// `share` of each and the rest of the other (Zhang et al. 2018).
fn blend(values: &mut [f32], width: usize, share: f32) {
    for (a, b) in pairs(values, width) {
        for (a, b) in a.iter_mut().zip(b) {
            (*a, *b) = (
                share * *a + (1.0 - share) * *b,
                share * *b + (1.0 - share) * *a,
            );
        }
    }
}

/// Swaps a rectangle of about `1 - share` of the area, cut at the border (Yun et al. 2019).
/// Returns the share that stayed.
fn swap_rectangle(inputs: &mut [f32], side: usize, share: f32, rng: &mut impl Rng) -> f32 {
    let length = side as f32 * (1.0 - share).max(0.0).sqrt();
    let mut line = || {
        let centre = rng.random_range(0.0..side as f32);
        let [low, high] = [centre - length / 2.0, centre + length / 2.0]
            .map(|end| end.round().clamp(0.0, side as f32) as usize);
        low..high
    };
    let (rows, columns) = (line(), line());
    for (a, b) in pairs(inputs, side * side) {
        for y in rows.clone() {
            let row = y * side + columns.start..y * side + columns.end;
            a[row.clone()].swap_with_slice(&mut b[row]);
        }
    }
    1.0 - (rows.len() * columns.len()) as f32 / (side * side) as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn smoothing_keeps_the_sum() {
        let mut target = [0.0, 2.0, 0.0, 0.0];
        smooth(&mut target, 0.2);
        assert_eq!(target, [0.1, 1.7, 0.1, 0.1]);
        let mut none = [0.0; 4];
        smooth(&mut none, 0.2);
        assert_eq!(none, [0.0; 4]);
    }

    #[test]
    fn cutmix_targets_follow_the_swapped_area() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..200 {
            let mut inputs = [vec![0f32; 64], vec![1f32; 64]].concat();
            let mut targets = [1.0, 0.0, 0.0, 1.0];
            mix(
                &mut inputs,
                8,
                &mut [(&mut targets, 2)],
                [0.0, 1.0],
                &mut rng,
            );
            let ones = inputs[..64].iter().filter(|v| **v == 1.0).count() as f32;
            assert!(
                (targets[1] - ones / 64.0).abs() < 1e-6,
                "{targets:?} {ones}"
            );
            assert!((targets[0] - targets[3]).abs() < 1e-6);
        }
    }

    #[test]
    fn off_draws_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let before = rng.clone();
        mix(&mut [1.0, 2.0], 1, &mut [], [0.0, 0.0], &mut rng);
        assert_eq!(rng, before);
    }
}
