//! Secrets in files: tokens and passwords are no part of the configuration, which people show.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The first line of a file that others than its owner and its group cannot read.
///
/// # Errors
/// One line: the file cannot be read, is none, or others may read it.
pub fn read(path: &Path) -> Result<String, String> {
    let in_words = |error: io::Error| error.to_string();
    let metadata = fs::metadata(path).map_err(in_words)?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o027 != 0 {
        return Err(format!(
            "its mode is {mode:o}, so that others may read or write it (hint: chmod 640)"
        ));
    }
    let text = fs::read_to_string(path).map_err(in_words)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
