//! What a data set holds: counts, exact duplicates, contradicting labels, blank pictures.

use std::collections::HashMap;

use serde::Serialize;

use super::{Dataset, Split};
use crate::by_name::ByName;

/// Figures about a data set. Splits without pictures are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Number of pictures.
    pub n: usize,
    /// Pictures per split and class.
    pub counts: ByName<ByName<usize>>,
    /// Pictures with equal pixels.
    pub duplicates: Duplicates,
    /// Pictures of a single gray value, per split.
    pub blank: ByName<usize>,
}

/// Pictures whose pixels are equal, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicates {
    /// Groups of two or more equal pictures.
    pub groups: usize,
    /// Pictures in these groups.
    pub pictures: usize,
    /// Groups whose pictures do not all have the same class.
    pub conflicting_groups: usize,
    /// Per split, pictures that repeat an earlier one of the same split.
    pub within: ByName<usize>,
    /// Pictures that also stand in an earlier split: leaks.
    pub across: Vec<Leak>,
}

/// Pictures of a split that also stand in earlier splits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leak {
    /// The split they are in.
    pub split: &'static str,
    /// The splits one of which holds them, too.
    pub also_in: Vec<&'static str>,
    /// How many they are.
    pub pictures: usize,
}

/// Counts everything in one pass over the pictures and one over the groups of equal ones.
pub fn summarize(data: &Dataset) -> Summary {
    let mut counts = [const { Vec::new() }; 3];
    counts.fill(vec![0usize; data.labels().len()]);
    let mut blank = [0usize; 3];
    let mut groups: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for index in 0..data.len() {
        let pixels = data.pixels(index);
        let split = data.split(index).index();
        counts[split][usize::from(data.label(index))] += 1;
        blank[split] += usize::from(pixels.iter().all(|&pixel| pixel == pixels[0]));
        groups.entry(pixels).or_default().push(index);
    }
    groups.retain(|_, members| members.len() > 1);

    let present: Vec<Split> = Split::ALL
        .into_iter()
        .filter(|split| counts[split.index()].iter().any(|&count| count > 0))
        .collect();
    let per_split = |values: [usize; 3]| {
        let pair = |split: &Split| (split.name(), values[split.index()]);
        present.iter().map(pair).collect()
    };
    let by_class = |split: &Split| {
        let classes = counts[split.index()].iter().copied();
        (split.name(), data.labels().iter().zip(classes).collect())
    };
    Summary {
        n: data.len(),
        counts: present.iter().map(by_class).collect(),
        duplicates: Duplicates {
            groups: groups.len(),
            pictures: groups.values().map(Vec::len).sum(),
            conflicting_groups: groups.values().filter(|g| conflicts(data, g)).count(),
            within: per_split(repeats_within(data, &groups)),
            across: leaks(data, &groups, &present),
        },
        blank: per_split(blank),
    }
}

fn conflicts(data: &Dataset, group: &[usize]) -> bool {
    group.iter().any(|&i| data.label(i) != data.label(group[0]))
}

fn members_per_split(data: &Dataset, group: &[usize]) -> [usize; 3] {
    let mut members = [0; 3];
    for &index in group {
        members[data.split(index).index()] += 1;
    }
    members
}

fn repeats_within(data: &Dataset, groups: &HashMap<&[u8], Vec<usize>>) -> [usize; 3] {
    let mut repeats = [0; 3];
    for group in groups.values() {
        let members = members_per_split(data, group);
        for (repeats, members) in repeats.iter_mut().zip(members) {
            *repeats += members.saturating_sub(1);
        }
    }
    repeats
}

fn leaks(data: &Dataset, groups: &HashMap<&[u8], Vec<usize>>, present: &[Split]) -> Vec<Leak> {
    let mut leaks = Vec::new();
    for (position, &split) in present.iter().enumerate().skip(1) {
        let earlier = &present[..position];
        let leaked = groups.values().map(|group| {
            let members = members_per_split(data, group);
            let in_earlier = earlier.iter().any(|split| members[split.index()] > 0);
            if in_earlier {
                members[split.index()]
            } else {
                0
            }
        });
        leaks.push(Leak {
            split: split.name(),
            also_in: earlier.iter().map(|split| split.name()).collect(),
            pictures: leaked.sum(),
        });
    }
    leaks
}

#[cfg(test)]
mod tests {
    use mien_models::label::Labels;

    use super::*;
    use crate::dataset::PIXELS;

    /// A picture that is not blank and differs for every `seed`.
    fn picture(seed: u8) -> [u8; PIXELS] {
        std::array::from_fn(|i| (i as u8).wrapping_mul(3).wrapping_add(seed))
    }

    #[test]
    fn duplicates_conflicts_and_blanks_are_told_apart() {
        use Split::{PrivateTest, PublicTest, Training};
        let mut data = Dataset::new(Labels::fer2013());
        for (pixels, class, split) in [
            (picture(1), 0, Training),
            (picture(1), 0, Training),
            (picture(1), 0, PublicTest),
            (picture(2), 3, Training),
            (picture(2), 4, PrivateTest),
            (picture(3), 6, PublicTest),
            (picture(3), 6, PrivateTest),
            (picture(4), 5, Training),
            ([0; PIXELS], 5, Training),
            ([255; PIXELS], 5, PrivateTest),
        ] {
            data.push(&pixels, class, split);
        }
        let summary = summarize(&data);
        assert_eq!(summary.n, 10);
        let training = summary.counts.get("Training").unwrap();
        assert_eq!(training.get("angry"), Some(&2));
        assert_eq!(training.get("surprise"), Some(&2));
        assert_eq!(training.get("neutral"), Some(&0));
        let duplicates = &summary.duplicates;
        assert_eq!((duplicates.groups, duplicates.pictures), (3, 7));
        assert_eq!(duplicates.conflicting_groups, 1);
        assert_eq!(duplicates.within.get("Training"), Some(&1));
        assert_eq!(duplicates.within.get("PublicTest"), Some(&0));
        let leak = |split, also_in: &[&'static str], pictures| Leak {
            split,
            also_in: also_in.to_vec(),
            pictures,
        };
        assert_eq!(
            duplicates.across,
            [
                leak("PublicTest", &["Training"], 1),
                leak("PrivateTest", &["Training", "PublicTest"], 2)
            ]
        );
        assert_eq!(summary.blank.get("Training"), Some(&1));
        assert_eq!(summary.blank.get("PublicTest"), Some(&0));
        assert_eq!(summary.blank.get("PrivateTest"), Some(&1));
    }

    #[test]
    fn absent_splits_are_left_out() {
        let mut data = Dataset::new(Labels::fer2013());
        data.push(&picture(1), 0, Split::PublicTest);
        let summary = summarize(&data);
        assert_eq!(summary.counts.0.len(), 1);
        assert!(summary.duplicates.across.is_empty());
    }
}
