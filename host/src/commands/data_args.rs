//! The data set that a command works on.

use std::path::{Path, PathBuf};

use anyhow::Context;
use mien_host::dataset::{self, Dataset, ferplus};
use mien_host::progress::Progress;

/// Reads a data set and attaches FERPlus's votes, where a file of them is given.
pub fn open(path: &Path, votes: Option<&Path>, progress: Progress) -> anyhow::Result<Dataset> {
    let mut data = dataset::open(path, progress)?;
    if let Some(votes) = votes {
        data.attach_votes(ferplus::read(votes)?)
            .with_context(|| format!("{} does not go with {}", votes.display(), path.display()))?;
    }
    Ok(data)
}

/// A data set, with FERPlus's votes or without.
#[derive(clap::Args)]
pub struct DataArgs {
    /// fer2013.csv (also .zst, .gz or Kaggle's .tar.gz), a pack of it, or a folder of pictures per
    /// class.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// FERPlus's fer2013new.csv: ten votes on each picture of fer2013.csv.
    #[arg(long, value_name = "FILE")]
    ferplus: Option<PathBuf>,
}

impl DataArgs {
    /// Where the data set is.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// Reads the data and attaches the votes.
    pub fn open(&self, progress: Progress) -> anyhow::Result<Dataset> {
        open(&self.data, self.ferplus.as_deref(), progress)
    }
}
