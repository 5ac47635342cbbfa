//! Finds out what a path holds, by content rather than by name, and reads it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use mien_models::label::Labels;

use super::csv_rows::read_rows;
use super::folders::{has_pictures, read_folders};
use super::{Dataset, DatasetError, packed};
use crate::progress::{Progress, Task, Unit};

/// The csv's names inside Kaggle's archives.
const CSV_NAMES: [&str; 2] = ["fer2013.csv", "icml_face_data.csv"];
/// What a folder is searched for, in this order.
const FILE_NAMES: [&str; 8] = [
    "fer2013.csv",
    "fer2013.csv.zst",
    "fer2013.csv.gz",
    "fer2013.tar.gz",
    "icml_face_data.csv",
    "icml_face_data.csv.zst",
    "icml_face_data.csv.gz",
    "fer2013.mien",
];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// A tar says `ustar` here (POSIX.1-1988).
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");

/// Reads the pictures at `path`: fer2013.csv or icml_face_data.csv, plain, compressed (zstd,
/// gzip) or inside a tar, a pack of `mien data pack`, a folder with one of these, or folders of pictures per class, below
/// folders of splits or not.
pub fn open(path: &Path, progress: Progress) -> Result<Dataset, DatasetError> {
    let mut dataset = Dataset::new(Labels::fer2013());
    let metadata = path.metadata().map_err(|source| read_error(path, source))?;
    if metadata.is_dir() {
        if has_pictures(path)? {
            read_folders(path, progress, &mut dataset)?;
        } else if let Some(file) = csv_in(path) {
            read_file(&file, progress, &mut dataset)?;
        }
    } else {
        read_file(path, progress, &mut dataset)?;
    }
    if dataset.is_empty() {
        let path = path.to_owned();
        return Err(DatasetError::Empty { path });
    }
    Ok(dataset)
}

fn csv_in(folder: &Path) -> Option<PathBuf> {
    FILE_NAMES
        .into_iter()
        .map(|name| folder.join(name))
        .find(|file| file.is_file())
}

fn read_file(path: &Path, progress: Progress, dataset: &mut Dataset) -> Result<(), DatasetError> {
    let on_error = |source| read_error(path, source);
    let file = File::open(path).map_err(on_error)?;
    let length = file.metadata().map_err(on_error)?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let task = progress.start(&format!("reading {name}"), length, Unit::Bytes);
    let counted = Counted {
        inner: file,
        task: &task,
    };
    let (head, stream) = peek(counted, packed::MAGIC.len()).map_err(on_error)?;
    if head == packed::MAGIC {
        *dataset = packed::read(BufReader::new(stream)).map_err(|source| DatasetError::Packed {
            path: path.to_owned(),
            source,
        })?;
    } else if head.starts_with(ZSTD_MAGIC) {
        let decoder = zstd::Decoder::new(stream).map_err(on_error)?;
        read_stream(decoder, path, dataset)?;
    } else if head.starts_with(GZIP_MAGIC) {
        read_stream(flate2::read::MultiGzDecoder::new(stream), path, dataset)?;
    } else {
        read_stream(stream, path, dataset)?;
    }
    task.finish();
    Ok(())
}

/// Reads an uncompressed stream: the csv itself or a tar with it.
fn read_stream(stream: impl Read, path: &Path, dataset: &mut Dataset) -> Result<(), DatasetError> {
    let on_error = |source| read_error(path, source);
    let (offset, magic) = TAR_MAGIC;
    let (head, stream) = peek(stream, offset + magic.len()).map_err(on_error)?;
    if !head[offset.min(head.len())..].starts_with(magic) {
        return read_rows(BufReader::new(stream), path, dataset);
    }
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries().map_err(on_error)? {
        let entry = entry.map_err(on_error)?;
        let name = entry.path().map_err(on_error)?;
        let is_csv = CSV_NAMES.iter().any(|csv| name.ends_with(csv));
        if is_csv {
            return read_rows(BufReader::new(entry), path, dataset);
        }
    }
    let path = path.to_owned();
    Err(DatasetError::Archive { path })
}

/// The first `count` bytes (fewer at the end), and the stream as if they had not been read.
fn peek<R: Read>(mut stream: R, count: usize) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::with_capacity(count);
    stream.by_ref().take(count as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(stream)))
}

fn read_error(path: &Path, source: io::Error) -> DatasetError {
    let path = path.to_owned();
    DatasetError::Read { path, source }
}

/// Tells a task how many bytes of the file were read.
struct Counted<'a> {
    inner: File,
    task: &'a Task,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.task.advance(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
