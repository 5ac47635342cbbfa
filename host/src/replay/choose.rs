//! Which pictures a replay set keeps: as many of each label, a third of them to judge by.

use mien_models::label::Labels;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::ReplayError;
use crate::dataset::Dataset;
use crate::evaluate::labels::label_for;

/// One in this many pictures of a label judges.
const HELD_OUT: usize = 3;
/// Least pictures of a label: one judges, two are fitted to.
const LEAST: usize = HELD_OUT;

/// Rows of a set to be, those to fit to first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Pictures of the data.
    pub indices: Vec<u32>,
    /// The label of each.
    pub classes: Vec<u8>,
    /// How many of them are to be fitted to.
    pub fitted: usize,
    /// Pictures of each label that there were.
    pub pictures: Vec<u32>,
}

/// At most `room` of the pictures `kept`, as many of each label, in a seeded order. A label with
/// fewer has all of its own.
pub fn choose(
    data: &Dataset,
    kept: &[u32],
    labels: &Labels,
    room: usize,
    seed: u64,
) -> Result<Choice, ReplayError> {
    let map: Vec<Option<usize>> = data.labels().iter().map(|c| label_for(c, labels)).collect();
    let mut of_label: Vec<Vec<u32>> = vec![vec![]; labels.len()];
    for &index in kept {
        if let Some(label) = map[usize::from(data.label(index as usize))] {
            of_label[label].push(index);
        }
    }
    let each = room / labels.len().max(1);
    if each < LEAST {
        return Err(ReplayError::TooWide(room));
    }
    let pictures = of_label.iter().map(|list| list.len() as u32).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for (list, label) in of_label.iter_mut().zip(labels.iter()) {
        if list.len() < LEAST {
            return Err(ReplayError::TooFew {
                label: label.to_owned(),
                found: list.len(),
                least: LEAST,
            });
        }
        list.shuffle(&mut rng);
        list.truncate(each);
    }
    let mut choice = Choice {
        indices: vec![],
        classes: vec![],
        fitted: 0,
        pictures,
    };
    for judges in [false, true] {
        for (label, list) in of_label.iter().enumerate() {
            let (held, fitted) = list.split_at(list.len() / HELD_OUT);
            let part = if judges { held } else { fitted };
            choice.indices.extend(part);
            choice.classes.extend(vec![label as u8; part.len()]);
        }
        if !judges {
            choice.fitted = choice.indices.len();
        }
    }
    Ok(choice)
}
