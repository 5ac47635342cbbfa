//! The data set that a command works on.

use std::path::PathBuf;

use anyhow::Context;
use mien_host::dataset::{self, Dataset, ferplus};
use mien_host::progress::Progress;

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
    /// Reads the data and attaches the votes.
    pub fn open(&self, progress: Progress) -> anyhow::Result<Dataset> {
        let mut data = dataset::open(&self.data, progress)?;
        if let Some(path) = &self.ferplus {
            data.attach_votes(ferplus::read(path)?).with_context(|| {
                let (votes, data) = (path.display(), self.data.display());
                format!("{votes} does not go with {data}")
            })?;
        }
        Ok(data)
    }
}
