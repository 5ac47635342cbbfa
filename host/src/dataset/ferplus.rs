//! FERPlus: ten people's votes on every picture of FER2013 (Barsoum, Zhang, Canton Ferrer & Zhang,
//! "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
//! Distribution", ICMI 2016). Its file fer2013new.csv has a row for each row of fer2013.csv.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::class_names::usage_split;
use super::error::{DatasetError, RowProblem};
use super::lines::{quote, text};
use super::table::Table;
use super::{Dataset, Split};

/// The columns of votes, in FERPlus's order, which is not FER2013's.
pub const COLUMNS: [&str; 10] = [
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
];
const TABLE: Table<11> = Table {
    what: "FERPlus's fer2013new.csv",
    expected: "`Usage`, `neutral`, `happiness`, … and `NF`",
    columns: {
        let [a, b, c, d, e, f, g, h, i, j] = COLUMNS;
        ["Usage", a, b, c, d, e, f, g, h, i, j]
    },
};
/// Column of the votes for contempt, which FER2013 does not have.
const CONTEMPT: usize = 7;
/// Column of the votes that there is no face.
const NOT_A_FACE: usize = 9;
/// FER2013's class for each of the first seven columns.
const CLASS_OF_COLUMN: [usize; 7] = [6, 3, 5, 4, 0, 1, 2];
/// Classes of FER2013.
pub const CLASSES: usize = 7;
/// FER2013's indices of the classes that may stand in for contempt.
const DISGUST: usize = 1;
const NEUTRAL: usize = 6;

/// Majorities that must be there before agreement with the labels says anything.
const COMPARED_MIN: usize = 500;
/// True votes agree with some 65% of FER2013's labels, those of other rows with a fifth.
const AGREEMENT_MIN: f64 = 0.4;

/// What becomes of votes for contempt. Votes for `unknown` and `NF` never count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contempt {
    /// They do not count.
    #[default]
    Dropped,
    /// They count as disgust, the nearest of FER2013's by Ekman's account.
    Disgust,
    /// They count as neutral.
    Neutral,
}

/// Why votes cannot belong to a data set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VotesError {
    /// Another number of rows than pictures.
    #[error(
        "the votes have {votes} rows for {pictures} pictures; FERPlus goes with fer2013.csv as it \
         was published, not with other pictures or another order"
    )]
    Count {
        /// Rows of votes in the data's splits.
        votes: usize,
        /// Pictures of the data.
        pictures: usize,
    },
    /// A row whose usage is not that of its picture.
    #[error("row {row} of the votes is of {}, its picture of {}", .votes.name(), .pictures.name())]
    Usage {
        /// Row, the first is 1; rows of splits that the data lacks do not count.
        row: usize,
        /// What the votes say.
        votes: Split,
        /// What the data says.
        pictures: Split,
    },
    /// The votes contradict the labels as those of other pictures would.
    #[error(
        "the votes agree with only {:.0}% of the labels: they are of other pictures, or the \
         pictures are in another order than in fer2013.csv", 100.0 * .agreement
    )]
    Unrelated {
        /// Share of the pictures with a majority whose majority is their label.
        agreement: f64,
    },
}

/// Votes on the pictures of a data set, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    counts: Vec<[u8; 10]>,
    splits: Vec<Split>,
}

impl Votes {
    /// Appends the votes on one picture, in the order of [`COLUMNS`].
    pub fn push(&mut self, counts: [u8; 10], split: Split) {
        self.counts.push(counts);
        self.splits.push(split);
    }

    /// Number of pictures voted on.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are no votes.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Votes on picture `index`, in the order of [`COLUMNS`].
    ///
    /// # Panics
    /// When `index` is not below [`Votes::len`], as with the accessors below.
    pub fn counts(&self, index: usize) -> &[u8; 10] {
        &self.counts[index]
    }

    /// How many say that picture `index` shows no face.
    pub fn not_a_face(&self, index: usize) -> u8 {
        self.counts[index][NOT_A_FACE]
    }

    /// FER2013's class (angry, disgust, fear, happy, sad, surprise, neutral) with the most votes
    /// on picture `index`. `None` when two columns share the first place, or when contempt,
    /// unknown or no face has it: those pictures have no class in FER2013.
    pub fn majority(&self, index: usize) -> Option<usize> {
        let counts = &self.counts[index];
        let most = *counts.iter().max()?;
        let mut first = (0..counts.len()).filter(|&column| counts[column] == most);
        let column = first.next()?;
        match first.next() {
            None => CLASS_OF_COLUMN.get(column).copied(),
            Some(_) => None,
        }
    }

    /// Shares of the votes on picture `index` per class of FER2013 (angry, disgust, fear, happy,
    /// sad, surprise, neutral), summing to 1. `None` when no vote is left.
    pub fn distribution(&self, index: usize, contempt: Contempt) -> Option<[f32; 7]> {
        let counts = &self.counts[index];
        let mut votes = [0u16; CLASSES];
        for (&class, &count) in CLASS_OF_COLUMN.iter().zip(counts) {
            votes[class] += u16::from(count);
        }
        let contempts = u16::from(counts[CONTEMPT]);
        match contempt {
            Contempt::Dropped => {}
            Contempt::Disgust => votes[DISGUST] += contempts,
            Contempt::Neutral => votes[NEUTRAL] += contempts,
        }
        let total: u16 = votes.iter().sum();
        (total > 0).then(|| votes.map(|count| f32::from(count) / f32::from(total)))
    }

    /// The rows of the splits that `data` has, if they can be the votes on its pictures.
    pub(super) fn aligned_with(self, data: &Dataset) -> Result<Self, VotesError> {
        let has_split = Split::ALL.map(|split| !data.indices_of(split).is_empty());
        let mut votes = Self::default();
        for (counts, split) in self.counts.into_iter().zip(self.splits) {
            if has_split[split.index()] {
                votes.push(counts, split);
            }
        }
        if votes.len() != data.len() {
            return Err(VotesError::Count {
                votes: votes.len(),
                pictures: data.len(),
            });
        }
        let other = (0..data.len()).find(|&i| votes.splits[i] != data.split(i));
        if let Some(index) = other {
            return Err(VotesError::Usage {
                row: index + 1,
                votes: votes.splits[index],
                pictures: data.split(index),
            });
        }
        votes.check_agreement(data)?;
        Ok(votes)
    }

    /// Counts alone would let folders of pictures pass, whose order is another.
    fn check_agreement(&self, data: &Dataset) -> Result<(), VotesError> {
        let (mut compared, mut agreeing) = (0, 0);
        for index in 0..data.len() {
            if let Some(class) = self.majority(index) {
                compared += 1;
                agreeing += usize::from(class == usize::from(data.label(index)));
            }
        }
        let agreement = agreeing as f64 / compared as f64;
        if compared >= COMPARED_MIN && agreement < AGREEMENT_MIN {
            return Err(VotesError::Unrelated { agreement });
        }
        Ok(())
    }
}

/// Reads fer2013new.csv: the columns `Usage` and [`COLUMNS`] in any order, others are left aside.
///
/// # Errors
/// When the file cannot be read, lacks a column, or has rows that cannot be used.
pub fn read(path: &Path) -> Result<Votes, DatasetError> {
    let file = File::open(path).map_err(|source| DatasetError::Read {
        path: path.to_owned(),
        source,
    })?;
    read_rows(BufReader::new(file), path)
}

/// The same from any reader; `path` is for messages.
fn read_rows(reader: impl BufRead, path: &Path) -> Result<Votes, DatasetError> {
    let mut votes = Votes::default();
    TABLE.read(reader, path, |row| {
        let (counts, split) = parse_row(row)?;
        votes.push(counts, split);
        Ok(())
    })?;
    Ok(votes)
}

fn parse_row([usage, fields @ ..]: [&[u8]; 11]) -> Result<([u8; 10], Split), RowProblem> {
    let split = usage_split(&text(usage)).ok_or_else(|| RowProblem::Usage(quote(usage)))?;
    let mut counts = [0; 10];
    for ((count, field), column) in counts.iter_mut().zip(fields).zip(COLUMNS) {
        *count = text(field).parse().map_err(|_| RowProblem::Votes {
            column,
            text: quote(field),
        })?;
    }
    Ok((counts, split))
}

#[cfg(test)]
mod tests;
