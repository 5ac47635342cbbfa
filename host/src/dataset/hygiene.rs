//! What training should not see: pictures that also judge it, pictures without a face, and
//! labels that contradict each other; and the part of Training that is kept for calibration.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Dataset, Split};
use crate::by_name::ByName;

/// A picture is no face when this many of FERPlus's ten voters say so.
pub const NOT_A_FACE_VOTES: u8 = 5;

/// Which pictures of Training are used, and for what. Rules apply in the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hygiene {
    /// Leave out pictures equal, byte for byte, to one of PublicTest or PrivateTest.
    pub evaluation_duplicates: bool,
    /// Leave out pictures of a single gray value.
    pub blank: bool,
    /// Leave out pictures in which at least [`NOT_A_FACE_VOTES`] of FERPlus's voters see no face;
    /// skipped without votes.
    pub not_a_face: bool,
    /// Share set aside for temperature and thresholds, 0 to 1, equal pictures together. Which
    /// pictures they are depends on their pixels and the seed only, not on their order.
    pub calibration_share: f64,
    /// Seed of that choice.
    pub calibration_seed: u64,
    /// Give equal pictures with different labels the average of their labels as target.
    pub average_conflicts: bool,
}

impl Default for Hygiene {
    fn default() -> Self {
        Self {
            evaluation_duplicates: true,
            blank: true,
            not_a_face: true,
            calibration_share: 0.1,
            calibration_seed: 1,
            average_conflicts: true,
        }
    }
}

/// Training as it should be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Curated {
    /// Pictures to fit to, ascending.
    pub kept: Vec<u32>,
    /// Pictures to calibrate on, ascending; none equals a kept one.
    pub calibration: Vec<u32>,
    /// A distribution over the data's labels for each kept picture, `[kept, labels]` row-major,
    /// each row sums to 1.
    pub targets: Vec<f32>,
    /// What was done.
    pub report: HygieneReport,
}

impl Curated {
    /// The target of the kept picture at `position` of [`Curated::kept`], `[labels]`.
    ///
    /// # Panics
    /// When `position` is not below the number of kept pictures.
    pub fn target(&self, position: usize) -> &[f32] {
        let labels = self.targets.len() / self.kept.len();
        &self.targets[position * labels..(position + 1) * labels]
    }
}

/// Counts of pictures of Training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HygieneReport {
    /// All of Training.
    pub training: usize,
    /// Left out: equal to a picture that judges.
    pub evaluation_duplicates: usize,
    /// Left out: a single gray value.
    pub blank: usize,
    /// Left out: no face; `None` where the rule was asked for but the data has no votes.
    pub not_a_face: Option<usize>,
    /// Set aside for calibration.
    pub calibration: usize,
    /// Left to fit to.
    pub kept: usize,
    /// Kept pictures that repeat an earlier one; they stay.
    pub repeated: usize,
    /// Groups of equal kept pictures with different labels.
    pub conflicting_groups: usize,
    /// Kept pictures in these groups.
    pub conflicting_pictures: usize,
    /// Whether their labels were averaged.
    pub averaged: bool,
    /// The same per class of the data.
    pub classes: ByName<ClassReport>,
}

/// Counts of pictures of Training of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClassReport {
    /// All of them.
    pub training: usize,
    /// Left out by any rule.
    pub left_out: usize,
    /// Set aside for calibration.
    pub calibration: usize,
    /// Left to fit to.
    pub kept: usize,
}

/// What becomes of a picture of Training.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    EvaluationDuplicate,
    Blank,
    NotAFace,
    Calibration,
    Kept,
}

/// Applies the rules to Training.
pub fn curate(data: &Dataset, hygiene: &Hygiene) -> Curated {
    curate_against(data, hygiene, &[])
}

/// The same where `others` judge as well: their PublicTest and PrivateTest, or all of a set that
/// has neither. Pictures of Training equal to one of theirs leave with the evaluation duplicates.
pub fn curate_against(data: &Dataset, hygiene: &Hygiene, others: &[&Dataset]) -> Curated {
    let judging = if hygiene.evaluation_duplicates {
        judging_pictures(data, others)
    } else {
        HashSet::new()
    };
    let training = data.indices_of(Split::Training);
    let fates: Vec<Fate> = training
        .iter()
        .map(|&index| fate(data, index as usize, hygiene, &judging))
        .collect();
    let with = |wanted: Fate| {
        let pairs = training.iter().zip(&fates);
        let matching = pairs.filter(|(_, fate)| **fate == wanted);
        matching.map(|(&index, _)| index).collect::<Vec<u32>>()
    };
    let (kept, calibration) = (with(Fate::Kept), with(Fate::Calibration));
    let groups = Groups::of(data, &kept);
    let no_votes = hygiene.not_a_face && data.all_votes().is_none();
    let conflicts = || groups.0.values().filter(|counts| is_conflict(counts));
    let report = HygieneReport {
        training: training.len(),
        evaluation_duplicates: with(Fate::EvaluationDuplicate).len(),
        blank: with(Fate::Blank).len(),
        not_a_face: (!no_votes).then(|| with(Fate::NotAFace).len()),
        calibration: calibration.len(),
        kept: kept.len(),
        repeated: kept.len() - groups.0.len(),
        conflicting_groups: conflicts().count(),
        conflicting_pictures: conflicts().flatten().map(|&count| count as usize).sum(),
        averaged: hygiene.average_conflicts,
        classes: per_class(data, &training, &fates),
    };
    let targets = targets(data, &kept, hygiene.average_conflicts.then_some(&groups));
    Curated {
        kept,
        calibration,
        targets,
        report,
    }
}

fn judging_pictures<'a>(data: &'a Dataset, others: &[&'a Dataset]) -> HashSet<&'a [u8]> {
    let judges = |set: &Dataset, i: usize| set.split(i) != Split::Training;
    let mut pictures: HashSet<&[u8]> = (0..data.len())
        .filter(|&i| judges(data, i))
        .map(|i| data.pixels(i))
        .collect();
    for &other in others {
        let only_training = (0..other.len()).all(|i| !judges(other, i));
        let indices = (0..other.len()).filter(|&i| only_training || judges(other, i));
        pictures.extend(indices.map(|i| other.pixels(i)));
    }
    pictures
}

fn fate(data: &Dataset, index: usize, hygiene: &Hygiene, judging: &HashSet<&[u8]>) -> Fate {
    let pixels = data.pixels(index);
    let votes = data.all_votes().filter(|_| hygiene.not_a_face);
    if judging.contains(pixels) {
        Fate::EvaluationDuplicate
    } else if hygiene.blank && pixels.iter().all(|&pixel| pixel == pixels[0]) {
        Fate::Blank
    } else if votes.is_some_and(|votes| votes.not_a_face(index) >= NOT_A_FACE_VOTES) {
        Fate::NotAFace
    } else if unit_hash(hygiene.calibration_seed, pixels) < hygiene.calibration_share {
        Fate::Calibration
    } else {
        Fate::Kept
    }
}

/// A number from 0 to 1 that depends on the seed and the pixels only: the first eight bytes of
/// SHA-256 over the seed (little-endian) and the pixels, big-endian, over 2^64.
fn unit_hash(seed: u64, pixels: &[u8]) -> f64 {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(pixels)
        .finalize();
    let first = hash.iter().take(8);
    let number = first.fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    number as f64 / 2f64.powi(64)
}

/// Equal pictures, with the number of pictures per label.
struct Groups<'a>(HashMap<&'a [u8], Vec<u32>>);

impl<'a> Groups<'a> {
    fn of(data: &'a Dataset, indices: &[u32]) -> Self {
        let mut groups = HashMap::new();
        for &index in indices {
            let counts = groups
                .entry(data.pixels(index as usize))
                .or_insert_with(|| vec![0; data.labels().len()]);
            counts[usize::from(data.label(index as usize))] += 1;
        }
        Self(groups)
    }
}

fn is_conflict(counts: &[u32]) -> bool {
    counts.iter().filter(|&&count| count > 0).count() > 1
}

/// `[kept, labels]`: the label's one, or with `groups` the shares of the labels in its group.
fn targets(data: &Dataset, kept: &[u32], groups: Option<&Groups<'_>>) -> Vec<f32> {
    let labels = data.labels().len();
    let mut targets = vec![0.0; kept.len() * labels];
    for (row, &index) in targets.chunks_exact_mut(labels).zip(kept) {
        let index = index as usize;
        match groups.and_then(|groups| groups.0.get(data.pixels(index))) {
            Some(counts) => {
                let total: u32 = counts.iter().sum();
                for (share, &count) in row.iter_mut().zip(counts) {
                    *share = count as f32 / total as f32;
                }
            }
            None => row[usize::from(data.label(index))] = 1.0,
        }
    }
    targets
}

fn per_class(data: &Dataset, training: &[u32], fates: &[Fate]) -> ByName<ClassReport> {
    let mut classes = vec![ClassReport::default(); data.labels().len()];
    for (&index, fate) in training.iter().zip(fates) {
        let class = &mut classes[usize::from(data.label(index as usize))];
        class.training += 1;
        match fate {
            Fate::Kept => class.kept += 1,
            Fate::Calibration => class.calibration += 1,
            _ => class.left_out += 1,
        }
    }
    data.labels().iter().zip(classes).collect()
}

#[cfg(test)]
mod tests;
