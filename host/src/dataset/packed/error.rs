//! What can be wrong with a packed data set.

use std::io;

use mien_models::label::LabelError;

use super::{MAX_PICTURES, SIDE, VERSION};
use crate::dataset::VotesError;

/// Why a file is not a sound packed data set, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// Another magic number.
    #[error("it is no packed data set")]
    Magic,
    /// A layout that this program does not know.
    #[error("its format is version {0}, this program reads version {VERSION}; pack the data again")]
    Version(u16),
    /// Pictures of another size.
    #[error("its pictures have {0} pixels a side instead of {SIDE}")]
    Side(u16),
    /// More pictures than anyone has.
    #[error("it should hold {0} pictures; the most is {MAX_PICTURES}")]
    TooMany(usize),
    /// A byte that says yes or no says something else.
    #[error("its mark for votes is {0} instead of 0 or 1")]
    VotesMark(u8),
    /// The end came early.
    #[error("it stops early: copy it again")]
    Truncated,
    /// Bytes after the end.
    #[error("it goes on after its last picture")]
    Trailing,
    /// The compressed stream is no such thing.
    #[error("it cannot be decompressed: copy it again")]
    Decompress(#[source] io::Error),
    /// A name that is no UTF-8.
    #[error("the name of label {0} is not text")]
    NameText(usize),
    /// Names that cannot be labels.
    #[error("its labels are not usable")]
    Labels(#[from] LabelError),
    /// A class without a name.
    #[error("picture {picture} has class {class}, there are {labels}")]
    Class {
        /// Position, from 0.
        picture: usize,
        /// Index of its class.
        class: u8,
        /// Number of labels.
        labels: usize,
    },
    /// A split that FER2013 does not have.
    #[error("picture {picture} is in split {split} instead of 0, 1 or 2")]
    Split {
        /// Position, from 0.
        picture: usize,
        /// What stands there.
        split: u8,
    },
    /// Votes that cannot be on its pictures.
    #[error("its votes are not on its pictures")]
    Votes(#[from] VotesError),
    /// All can be read, but something was changed.
    #[error("its content is not what was packed (SHA-256 differs): copy it again")]
    Digest,
    /// The pack could not be written.
    #[error("cannot write")]
    Write(#[from] io::Error),
}
