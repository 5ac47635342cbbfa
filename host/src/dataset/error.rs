//! What can be wrong with a data set, said so that a person can mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::{PIXELS, PackedError};

/// Most bad rows or pictures that are listed one by one.
pub const MAX_REPORTED: usize = 10;

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file or folder cannot be opened or read (also: its compression is damaged).
    #[error("cannot read {path}")]
    Read {
        /// What was being read.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Columns are missing from the first line.
    #[error(
        "{path} is not {what}: its first line lacks the column(s) {missing}; \
         expected {expected} in any order, found `{found}`"
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// The columns that it should have.
        expected: &'static str,
        /// Names of the missing columns, comma-separated.
        missing: String,
        /// The start of the first line.
        found: String,
    },
    /// A tar without the csv.
    #[error("the archive {path} holds neither fer2013.csv nor icml_face_data.csv")]
    Archive {
        /// The archive.
        path: PathBuf,
    },
    /// A pack that is damaged or not one of ours.
    #[error("the packed data set {path} cannot be used")]
    Packed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PackedError,
    },
    /// Nothing to read.
    #[error("{path} holds no pictures")]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A folder that is neither a split nor a class.
    #[error(
        "the folder {path} is no {what} of FER2013; the splits are train, validation and test, \
         the classes angry, disgust, fear, happy, sad, surprise and neutral: rename it or move \
         it away"
    )]
    UnknownFolder {
        /// The folder.
        path: PathBuf,
        /// `split` or `class`.
        what: &'static str,
    },
    /// Pictures that cannot be used.
    #[error("{path}:{}{}", list(.pictures), and_more(*.more, "bad pictures"))]
    BadPictures {
        /// The folder.
        path: PathBuf,
        /// The first [`MAX_REPORTED`] of them.
        pictures: Vec<BadPicture>,
        /// How many more there are.
        more: usize,
    },
    /// Rows that cannot be used.
    #[error("{path}:{}{}", list(.rows), and_more(*.more, "bad rows"))]
    BadRows {
        /// The file.
        path: PathBuf,
        /// The first [`MAX_REPORTED`] of them.
        rows: Vec<BadRow>,
        /// How many more there are.
        more: usize,
    },
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Line in the csv, the header is line 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// A picture that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPicture {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Too few fields for the header's columns.
    #[error("{found} column(s) instead of {wanted}")]
    Columns {
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        wanted: usize,
    },
    /// The label is not one of FER2013's.
    #[error("label `{0}` instead of 0 to 6")]
    Label(String),
    /// The usage is not one of FER2013's.
    #[error("usage `{0}` instead of Training, PublicTest or PrivateTest")]
    Usage(String),
    /// A pixel is not a number from 0 to 255.
    #[error("pixel {position} is `{text}` instead of a number from 0 to 255")]
    PixelValue {
        /// Position in the picture, from 0.
        position: usize,
        /// What stands there.
        text: String,
    },
    /// A count of FERPlus votes is not a number from 0 to 255.
    #[error("column `{column}` is `{text}` instead of a number of votes")]
    Votes {
        /// The column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// Not 48 x 48 pixels.
    #[error("{0} pixels instead of {PIXELS} (48 x 48)")]
    PixelCount(usize),
    /// The line is longer than any row can be; reading stopped here.
    #[error("the line has more than {0} bytes; reading stopped here")]
    TooLong(usize),
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl fmt::Display for BadPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

/// Collects the first [`MAX_REPORTED`] problems and counts the rest.
#[derive(Debug)]
pub(super) struct Problems<T> {
    pub first: Vec<T>,
    pub more: usize,
}

impl<T> Problems<T> {
    pub fn new() -> Self {
        Self {
            first: Vec::new(),
            more: 0,
        }
    }

    pub fn push(&mut self, problem: T) {
        if self.first.len() < MAX_REPORTED {
            self.first.push(problem);
        } else {
            self.more += 1;
        }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let mut text = String::new();
    for item in items {
        text += &format!("\n  {item}");
    }
    text
}

fn and_more(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        _ => format!("\n  and {count} more {what}"),
    }
}
