//! Labelled face pictures in memory, read from FER2013 in the forms people have it: the csv
//! (plain, `.zst`, `.gz`, inside Kaggle's tar) or folders of pictures per class.

mod class_names;
mod csv_rows;
mod error;
mod folders;
mod open;
mod summary;

use mien_models::label::Labels;

pub use class_names::class_index;
pub use error::{BadPicture, BadRow, DatasetError, MAX_REPORTED, RowProblem};
pub use open::open;
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

/// Gray pictures `[SIDE, SIDE]` with a class and a split each, in the order of the source.
#[derive(Clone, Debug)]
pub struct Dataset {
    labels: Labels,
    pixels: Vec<u8>,
    classes: Vec<u8>,
    splits: Vec<Split>,
}

impl Dataset {
    /// An empty set with these class names.
    pub fn new(labels: Labels) -> Self {
        Self {
            labels,
            pixels: Vec::new(),
            classes: Vec::new(),
            splits: Vec::new(),
        }
    }

    /// Appends one picture.
    ///
    /// # Panics
    /// When `class` is not an index into the labels.
    pub fn push(&mut self, pixels: &[u8; PIXELS], class: u8, split: Split) {
        assert!(usize::from(class) < self.labels.len(), "class {class}");
        self.pixels.extend_from_slice(pixels);
        self.classes.push(class);
        self.splits.push(split);
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
