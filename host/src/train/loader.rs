//! Batches of augmented pictures, made by a thread ahead of the training step.
//!
//! Every picture's changes come from a generator seeded by `(seed, epoch, position)`, so a run is
//! the same however fast the thread is and wherever it was resumed.

use std::sync::mpsc::{Receiver, sync_channel};

use mien_models::preprocess::Preprocessing;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::Beta;

use super::augment::{self, PIXELS};
use super::plan::SIDE;
use super::recipe::Augment;

/// Batches waiting for the trainer at most.
const AHEAD: usize = 3;

/// Pictures in memory with one label index each.
pub struct Pictures {
    /// `[N, 48, 48]`.
    pub pixels: Vec<u8>,
    /// `[N]`, below `label_count`.
    pub labels: Vec<u8>,
    /// Number of labels.
    pub label_count: usize,
}

impl Pictures {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Picture `i`, `[48, 48]`.
    pub fn picture(&self, i: usize) -> &[u8] {
        &self.pixels[i * PIXELS..][..PIXELS]
    }
}

/// Network inputs with target distributions.
pub struct Batch {
    /// `[len, 1, 48, 48]`.
    pub inputs: Vec<f32>,
    /// `[len, labels]`, each row sums to 1.
    pub targets: Vec<f32>,
    /// Number of pictures.
    pub len: usize,
}

/// How batches are made.
#[derive(Clone, Copy)]
pub struct Mixing {
    /// Pixels to network input.
    pub preprocessing: Preprocessing,
    /// Random changes.
    pub augment: Augment,
    /// Pictures per batch.
    pub batch: usize,
    /// Share of the target given evenly to all classes.
    pub label_smoothing: f64,
    /// Mixup's Beta parameter; 0 is off.
    pub mixup_alpha: f64,
    /// The run's seed.
    pub seed: u64,
}

fn generator(seed: u64, epoch: usize, position: u64) -> ChaCha8Rng {
    let mut rng =
        ChaCha8Rng::seed_from_u64(seed ^ (epoch as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.set_stream(position);
    rng
}

/// Runs `f` over one epoch's shuffled batches while a scoped thread prepares the next ones. A last
/// batch that is not full is left out (its pictures come again in another order).
pub fn for_each_batch<E>(
    pictures: &Pictures,
    mixing: Mixing,
    epoch: usize,
    mut f: impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    let mut order: Vec<u32> = (0..pictures.len() as u32).collect();
    order.shuffle(&mut generator(mixing.seed, epoch, 0));
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let order = &order;
        scope.spawn(move || {
            for (number, indices) in order.chunks_exact(mixing.batch).enumerate() {
                let batch = make(pictures, mixing, epoch, number, indices);
                if sender.send(batch).is_err() {
                    return; // The trainer stopped early.
                }
            }
        });
        drain(receiver, &mut f)
    })
}

fn drain<E>(
    receiver: Receiver<Batch>,
    f: &mut impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    receiver.into_iter().try_for_each(f)
}

fn make(
    pictures: &Pictures,
    mixing: Mixing,
    epoch: usize,
    number: usize,
    indices: &[u32],
) -> Batch {
    let (len, labels) = (indices.len(), pictures.label_count);
    let mut inputs = vec![0f32; len * PIXELS];
    let mut targets = vec![mixing.label_smoothing as f32 / labels as f32; len * labels];
    for (i, index) in indices.iter().enumerate() {
        let index = *index as usize;
        let mut rng = generator(mixing.seed, epoch, (number * mixing.batch + i + 1) as u64);
        let out = &mut inputs[i * PIXELS..][..PIXELS];
        augment::random(
            pictures.picture(index),
            &mixing.preprocessing,
            &mixing.augment,
            SIDE,
            &mut rng,
            out,
        );
        targets[i * labels + usize::from(pictures.labels[index])] +=
            1.0 - mixing.label_smoothing as f32;
    }
    if mixing.mixup_alpha > 0.0 {
        let mut rng = generator(mixing.seed, epoch, u64::MAX - number as u64);
        mixup(
            &mut inputs,
            PIXELS,
            &mut targets,
            labels,
            mixing.mixup_alpha as f32,
            &mut rng,
        );
    }
    Batch {
        inputs,
        targets,
        len,
    }
}

/// Blends every picture and target with those of its mirror position in the batch, one factor
/// from Beta(alpha, alpha) for the batch (Zhang et al. 2018).
fn mixup(
    inputs: &mut [f32],
    pixels: usize,
    targets: &mut [f32],
    labels: usize,
    alpha: f32,
    rng: &mut impl Rng,
) {
    let share: f32 = match Beta::new(alpha, alpha) {
        Ok(beta) => rng.sample(beta),
        Err(_) => return,
    };
    let blend = |values: &mut [f32], width: usize| {
        let len = values.len() / width;
        let (front, back) = values.split_at_mut(len / 2 * width);
        for (a, b) in front
            .chunks_exact_mut(width)
            .zip(back.chunks_exact_mut(width).rev())
        {
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (
                    share * *a + (1.0 - share) * *b,
                    share * *b + (1.0 - share) * *a,
                );
            }
        }
    };
    blend(inputs, pixels);
    blend(targets, labels);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::recipe::Input;

    fn pictures(n: usize) -> Pictures {
        let pixels = (0..n * PIXELS).map(|i| (i * 7 % 251) as u8).collect();
        Pictures {
            pixels,
            labels: (0..n).map(|i| (i % 3) as u8).collect(),
            label_count: 3,
        }
    }

    fn mixing(alpha: f64) -> Mixing {
        Mixing {
            preprocessing: Input::Raw.preprocessing(),
            augment: Augment {
                flip: true,
                rotation_deg: 10.0,
                erase: 0.5,
                ..Augment::default()
            },
            batch: 4,
            label_smoothing: 0.1,
            mixup_alpha: alpha,
            seed: 9,
        }
    }

    fn collect(mixing: Mixing, epoch: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut inputs, mut targets) = (vec![], vec![]);
        let result: Result<(), ()> = for_each_batch(&pictures(11), mixing, epoch, |batch| {
            inputs.extend(batch.inputs);
            targets.extend(batch.targets);
            Ok(())
        });
        assert!(result.is_ok());
        (inputs, targets)
    }

    #[test]
    fn epochs_repeat_exactly_and_differ_from_each_other() {
        assert_eq!(collect(mixing(0.2), 5), collect(mixing(0.2), 5));
        assert_ne!(collect(mixing(0.2), 5).0, collect(mixing(0.2), 6).0);
    }

    #[test]
    fn targets_are_distributions() {
        let (inputs, targets) = collect(mixing(1.0), 0);
        assert_eq!(
            inputs.len(),
            8 * PIXELS,
            "two full batches of four out of eleven"
        );
        for row in targets.chunks_exact(3) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
            assert!(row.iter().all(|t| *t >= 0.1 / 3.0 - 1e-6));
        }
    }

    #[test]
    fn an_error_stops_the_epoch() {
        let mut seen = 0;
        let result = for_each_batch(&pictures(40), mixing(0.0), 0, |_| {
            seen += 1;
            if seen == 2 { Err("enough") } else { Ok(()) }
        });
        assert_eq!((result, seen), (Err("enough"), 2));
    }
}
