//! Batches of augmented pictures, made by a thread ahead of the training step.
//!
//! Every picture's changes come from a generator seeded by `(seed, epoch, position)`, so a run is
//! the same however fast the thread is and wherever it was resumed.

use std::sync::mpsc::{Receiver, sync_channel};

use mien_models::preprocess::Preprocessing;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::augment::{self, PIXELS};
use super::mix;
use super::peers::Place;
use super::recipe::{Augment, Recipe};
use super::teacher::Taught;

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
    /// What a picture is fitted to, `[N, label_count + auxiliary]`: a distribution over the labels
    /// (all 0 where the label is not used) times its weight, then one of the auxiliary head's (all
    /// 0 where there is none).
    pub targets: Vec<f32>,
    /// The teachers' opinion of each picture's variants.
    pub taught: Option<Taught>,
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

    /// Pictures fitted to their labels alone.
    pub fn labelled(pixels: Vec<u8>, labels: Vec<u8>, label_count: usize) -> Self {
        let mut targets = vec![0.0; labels.len() * label_count];
        for (row, label) in targets.chunks_exact_mut(label_count.max(1)).zip(&labels) {
            row[usize::from(*label)] = 1.0;
        }
        Self {
            pixels,
            labels,
            label_count,
            targets,
            taught: None,
        }
    }

    /// Values per target.
    fn width(&self) -> usize {
        self.targets.len() / self.len().max(1)
    }

    /// Picture `i`, `[48, 48]`.
    pub fn picture(&self, i: usize) -> &[u8] {
        &self.pixels[i * PIXELS..][..PIXELS]
    }
}

/// Network inputs with target distributions.
pub struct Batch {
    /// `[len, 1, side, side]`.
    pub inputs: Vec<f32>,
    /// Height and width of the inputs.
    pub side: usize,
    /// `[len, label_count + auxiliary]`, see [`Pictures::targets`].
    pub targets: Vec<f32>,
    /// The teachers' probabilities `[len, label_count]` at the recipe's temperature.
    pub teacher: Option<Vec<f32>>,
    /// Number of pictures.
    pub len: usize,
}

/// How the batches of an epoch are made.
#[derive(Clone, Copy)]
pub struct Mixing {
    /// Pixels to network input.
    pub preprocessing: Preprocessing,
    /// Random changes.
    pub augment: Augment,
    /// Height and width of the network input.
    pub side: usize,
    /// Pictures per batch.
    pub batch: usize,
    /// Share of the target given evenly to all classes.
    pub label_smoothing: f64,
    /// Mixup's Beta parameter; 0 is off.
    pub mixup_alpha: f64,
    /// Cutmix's Beta parameter; 0 is off.
    pub cutmix_alpha: f64,
    /// Variants of a picture and the teachers' temperature.
    pub views: Option<(usize, f64)>,
    /// The run's seed.
    pub seed: u64,
    /// Which of the peers' batches.
    pub place: Place,
}

impl Mixing {
    /// The recipe's in `epoch` (from 0).
    pub fn new(recipe: &Recipe, epoch: usize) -> Self {
        Self {
            preprocessing: recipe.input.preprocessing(),
            augment: recipe.augment,
            side: recipe.side(epoch),
            batch: recipe.batch,
            label_smoothing: recipe.label_smoothing,
            mixup_alpha: recipe.mixup_alpha,
            cutmix_alpha: recipe.cutmix_alpha,
            views: recipe.distillation.map(|d| (d.views, d.temperature)),
            seed: recipe.seed,
            place: Place::ALONE,
        }
    }
}

/// Generator of the changes that make variant `view` of picture `index`.
pub fn view_generator(seed: u64, view: usize, index: usize) -> ChaCha8Rng {
    // Apart from the epochs' generators, which have small numbers.
    generator(seed, (1 << 32) + view, index as u64)
}

fn generator(seed: u64, epoch: usize, position: u64) -> ChaCha8Rng {
    let mut rng =
        ChaCha8Rng::seed_from_u64(seed ^ (epoch as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.set_stream(position);
    rng
}

/// Runs `f` over one epoch's shuffled batches, with peers over its own part of them, while a scoped
/// thread prepares the next ones. A last batch that is not full is left out (its pictures come again
/// in another order), and so are batches that would not be one for each peer.
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
            let batches = order.chunks_exact(mixing.batch).enumerate();
            let (rank, count) = (mixing.place.rank(), mixing.place.count());
            let own = batches.skip(rank).step_by(count);
            for (number, indices) in own.take(order.len() / mixing.batch / count) {
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
    let (len, labels, width) = (indices.len(), pictures.label_count, pictures.width());
    let pixels = mixing.side * mixing.side;
    let mut inputs = vec![0f32; len * pixels];
    let mut targets = Vec::with_capacity(len * width);
    let mut teacher = Vec::new();
    for (i, index) in indices.iter().enumerate() {
        let index = *index as usize;
        let mut rng = match mixing.views {
            Some((views, _)) => view_generator(mixing.seed, epoch % views, index),
            None => generator(mixing.seed, epoch, (number * mixing.batch + i + 1) as u64),
        };
        augment::random(
            pictures.picture(index),
            &mixing.preprocessing,
            &mixing.augment,
            mixing.side,
            &mut rng,
            &mut inputs[i * pixels..][..pixels],
        );
        targets.extend_from_slice(&pictures.targets[index * width..][..width]);
        mix::smooth(
            &mut targets[i * width..][..labels],
            mixing.label_smoothing as f32,
        );
        if let (Some(taught), Some((views, temperature))) = (&pictures.taught, mixing.views) {
            teacher.extend(taught.probabilities(index, epoch % views, temperature));
        }
    }
    let mut rng = generator(mixing.seed, epoch, u64::MAX - number as u64);
    let mut rows: Vec<(&mut [f32], usize)> = vec![(&mut targets, width)];
    if !teacher.is_empty() {
        rows.push((&mut teacher, labels));
    }
    mix::mix(
        &mut inputs,
        mixing.side,
        &mut rows,
        [mixing.mixup_alpha, mixing.cutmix_alpha],
        &mut rng,
    );
    Batch {
        inputs,
        side: mixing.side,
        targets,
        teacher: (!teacher.is_empty()).then_some(teacher),
        len,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::recipe::Input;

    fn pictures(n: usize) -> Pictures {
        let pixels = (0..n * PIXELS).map(|i| (i * 7 % 251) as u8).collect();
        Pictures::labelled(pixels, (0..n).map(|i| (i % 3) as u8).collect(), 3)
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
            side: 48,
            batch: 4,
            label_smoothing: 0.1,
            mixup_alpha: alpha,
            cutmix_alpha: 0.0,
            views: None,
            seed: 9,
            place: Place::ALONE,
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

    #[test]
    fn views_come_again_and_the_order_does_not() {
        let views = |epoch| {
            let mut mixing = mixing(0.0);
            mixing.views = Some((3, 1.0));
            let mut inputs = collect(mixing, epoch).0;
            let mut rows: Vec<Vec<u32>> = inputs
                .chunks_exact_mut(PIXELS)
                .map(|row| row.iter().map(|v| v.to_bits()).collect())
                .collect();
            let unsorted = rows.clone();
            rows.sort_unstable();
            (rows, unsorted)
        };
        // Eleven pictures in batches of four: the three left out differ, so compare what both have.
        let common =
            |a: &[Vec<u32>], b: &[Vec<u32>]| a.iter().filter(|row| b.contains(row)).count();
        let ((first, order), (again, other_order), (other, _)) = (views(0), views(3), views(1));
        assert!(common(&first, &again) >= 5, "{}", common(&first, &again));
        assert_ne!(order, other_order);
        assert_eq!(common(&first, &other), 0);
    }
}
