//! Files on disk that are written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a model file whole or not at all: an error, or the power going off, leaves what stood
/// at `path` before.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// The same for a file that is made as it is written.
///
/// # Errors
/// Those of `content`, and those of the file system.
pub fn write_with<T, E: From<io::Error>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(".part");
    let part = path.with_file_name(name);
    let done = write_part(&part, content).and_then(|value| {
        fs::rename(&part, path)?;
        Ok(value)
    });
    if done.is_err() {
        // The first error counts; a left-over part is harmless.
        let _ = fs::remove_file(&part);
    }
    done
}

fn write_part<T, E: From<io::Error>>(
    part: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let mut file = BufWriter::new(File::create(part)?);
    let value = content(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.postcard");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the file's place.
        let path = folder.path().join("a.postcard");
        fs::create_dir_all(path.join("full")).unwrap();
        assert!(write(&path, b"bytes").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("no/folder/a"), b"bytes").is_err());
    }

    #[test]
    fn content_that_fails_half_way_leaves_the_file_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"first").unwrap();
        let result = write_with(&path, |file| {
            file.write_all(b"sec")?;
            Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(result.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
