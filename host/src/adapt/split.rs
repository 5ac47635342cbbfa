//! Seeded choices: who judges, who is fitted to, and how often.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A generator of its own for each purpose.
pub fn generator(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

/// Positions by label, each list in a random order.
pub fn by_label(labels: &[usize], count: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut lists = vec![vec![]; count];
    for (position, label) in labels.iter().enumerate() {
        lists[*label].push(position);
    }
    lists.iter_mut().for_each(|list| list.shuffle(rng));
    lists
}

/// A fold of 0 to `folds` for each position, as even as possible within a label (stratified).
pub fn folds(labels: &[usize], count: usize, folds: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut of = vec![0; labels.len()];
    for list in by_label(labels, count, rng) {
        for (order, position) in list.into_iter().enumerate() {
            of[position] = order % folds;
        }
    }
    of
}

/// Whether each position is held out: one in `one_in` of every label.
pub fn hold_out(labels: &[usize], count: usize, one_in: usize, rng: &mut ChaCha8Rng) -> Vec<bool> {
    let mut held = vec![false; labels.len()];
    for list in by_label(labels, count, rng) {
        for &position in &list[..list.len() / one_in] {
            held[position] = true;
        }
    }
    held
}

/// `count` of `items`: all of them again and again, the rest by chance. Nothing of nothing.
pub fn resample<T: Copy>(items: &[T], count: usize, rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut order = items.to_vec();
    order.shuffle(rng);
    order.iter().copied().cycle().take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eleven of label 0, five of label 1.
    fn labels() -> Vec<usize> {
        (0..16).map(|i| usize::from(i % 3 == 1)).collect()
    }

    #[test]
    fn folds_have_their_share_of_every_label() {
        let labels = labels();
        let of = folds(&labels, 2, 5, &mut generator(1, 2));
        for fold in 0..5 {
            let members = |label| {
                let pairs = of.iter().zip(&labels);
                pairs.filter(|(f, l)| **f == fold && **l == label).count()
            };
            assert_eq!(members(1), 1);
            assert!((2..=3).contains(&members(0)));
        }
        assert_eq!(of, folds(&labels, 2, 5, &mut generator(1, 2)));
        assert_ne!(of, folds(&labels, 2, 5, &mut generator(2, 2)));
    }

    #[test]
    fn one_in_some_is_held_out() {
        let labels = labels();
        let held = hold_out(&labels, 2, 4, &mut generator(1, 0));
        let count = |label| {
            let pairs = held.iter().zip(&labels);
            pairs.filter(|(h, l)| **h && **l == label).count()
        };
        assert_eq!([count(0), count(1)], [2, 1]);
    }

    #[test]
    fn resampling_uses_all_before_it_repeats() {
        let mut drawn = resample(&[1, 2, 3], 7, &mut generator(1, 0));
        drawn.sort_unstable();
        let count = |value| drawn.iter().filter(|d| **d == value).count();
        assert_eq!(drawn.len(), 7);
        assert!([1, 2, 3].iter().all(|v| (2..=3).contains(&count(*v))));
        assert!(resample::<u8>(&[], 4, &mut generator(1, 0)).is_empty());
        assert_eq!(resample(&[1, 2, 3], 2, &mut generator(1, 0)).len(), 2);
    }
}
