//! Why a checkpoint could not be written or read.

use std::io;
use std::path::PathBuf;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error(
        "cannot write the checkpoint {path}: {source}. The checkpoint before it is as it was: make \
         room, then go on with --resume"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not there, or cannot be opened.
    #[error(
        "cannot read the checkpoint file {path}: {source}. Bring the whole folder again from where \
         it was written; a run goes on from an older copy too"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error(
        "the checkpoint file {path} is damaged: {why}. Bring the whole folder again from where it \
         was written; a run goes on from an older copy too"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Whole, and of another run.
    #[error("the checkpoint file {path} is of another recipe: {why}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}
