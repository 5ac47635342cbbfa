//! Labelled face pictures in memory, read from FER2013 in the forms people have it: the csv
//! (plain, `.zst`, `.gz`, inside Kaggle's tar), our own packs, or folders of pictures per class.

mod class_names;
mod csv_rows;
mod error;
pub mod ferplus;
mod folders;
pub mod hygiene;
mod lines;
mod open;
pub mod packed;
mod summary;
mod table;

use mien_models::label::Labels;

pub use class_names::class_index;
pub use error::{BadPicture, BadRow, DatasetError, MAX_REPORTED, RowProblem};
pub use ferplus::{Votes, VotesError};
pub use hygiene::{Curated, Hygiene, HygieneReport, curate};
pub use open::open;
pub use packed::PackedError;
pub use summary::{Duplicates, Leak, Summary, summarize};

/// Rows and columns of every picture.
pub const SIDE: usize = 48;
/// Bytes of one picture.
pub const PIXELS: usize = SIDE * SIDE;

/// FER2013's three parts, by the names of its `Usage` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// To fit the weights.
    Training,
    /// To choose between recipes and epochs.
    PublicTest,
    /// To report the final figure, once.
    PrivateTest,
}

impl Split {
    /// In FER2013's order.
    pub const ALL: [Self; 3] = [Self::Training, Self::PublicTest, Self::PrivateTest];

    /// The `Usage` column's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "Training",
            Self::PublicTest => "PublicTest",
            Self::PrivateTest => "PrivateTest",
        }
    }

    /// Position in [`Split::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Gray pictures `[SIDE, SIDE]` with a class and a split each, in the order of the source, and
/// FERPlus's votes where they were attached.
#[derive(Clone, Debug)]
pub struct Dataset {
    labels: Labels,
    pixels: Vec<u8>,
    classes: Vec<u8>,
    splits: Vec<Split>,
    votes: Option<Votes>,
}

impl Dataset {
    /// An empty set with these class names.
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            pixels: Vec::new(),
            classes: Vec::new(),
            splits: Vec::new(),
            votes: None,
        }
    }

    /// Appends one picture. Attached votes no longer fit then and go.
    ///
    /// # Panics
    /// When `class` is not an index into the labels.
    pub fn push(&mut self, pixels: &[u8; PIXELS], class: u8, split: Split) {
        assert!(usize::from(class) < self.labels.len(), "class {class}");
        self.pixels.extend_from_slice(pixels);
        self.classes.push(class);
        self.splits.push(split);
        self.votes = None;
    }

    /// Attaches FERPlus's votes, one row a picture in the same order. Rows of splits that the data
    /// has no picture of are left aside: FERPlus comes with PrivateTest, the data may not.
    ///
    /// # Errors
    /// When the votes are those of other pictures; the data then stays as it was.
    pub fn attach_votes(&mut self, votes: Votes) -> Result<(), VotesError> {
        self.votes = Some(votes.aligned_with(self)?);
        Ok(())
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are no pictures.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class names, in the order of the class indices.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// All pixels, `[len, SIDE, SIDE]` row-major.
    pub fn all_pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Picture `index`, `[SIDE, SIDE]` row-major.
    ///
    /// # Panics
    /// When `index` is not below [`Dataset::len`], as with the accessors below.
    pub fn pixels(&self, index: usize) -> &[u8] {
        &self.pixels[index * PIXELS..(index + 1) * PIXELS]
    }

    /// Class of picture `index`.
    pub fn label(&self, index: usize) -> u8 {
        self.classes[index]
    }

    /// Split of picture `index`.
    pub fn split(&self, index: usize) -> Split {
        self.splits[index]
    }

    /// Votes on picture `index` in the order of [`ferplus::COLUMNS`]; `None` without FERPlus.
    pub fn votes(&self, index: usize) -> Option<&[u8; 10]> {
        self.votes.as_ref().map(|votes| votes.counts(index))
    }

    /// Votes on all pictures; `None` without FERPlus.
    pub fn all_votes(&self) -> Option<&Votes> {
        self.votes.as_ref()
    }

    /// The pictures of one split, ascending.
    pub fn indices_of(&self, split: Split) -> Vec<u32> {
        (0..self.len() as u32)
            .filter(|&i| self.splits[i as usize] == split)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_back_with_class_and_split() {
        let mut data = Dataset::new(Labels::fer2013());
        data.push(&[7; PIXELS], 3, Split::Training);
        data.push(&[9; PIXELS], 6, Split::PublicTest);
        data.push(&[11; PIXELS], 0, Split::Training);
        assert_eq!(data.len(), 3);
        assert_eq!(data.pixels(1), &[9; PIXELS]);
        assert_eq!((data.label(1), data.split(1)), (6, Split::PublicTest));
        assert_eq!(data.indices_of(Split::Training), [0, 2]);
        assert!(data.indices_of(Split::PrivateTest).is_empty());
    }
}
