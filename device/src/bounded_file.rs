//! Reading files that may be anything: endless, a pipe, or not what they seem.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Reads a regular file of at most `max_bytes`. Symbolic links are followed.
///
/// # Errors
/// [`ErrorKind::FileTooLarge`] for a longer one, `InvalidInput` for what is no regular file, and
/// those of the file system.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_with(path, max_bytes, OFlags::empty())
}

/// The same, but a symbolic link in the file's place is an error.
///
/// # Errors
/// As [`read`]; `InvalidInput` for a symbolic link.
pub fn read_no_link(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    read_with(path, max_bytes, OFlags::NOFOLLOW)
}

/// The first `bytes` of such a file, or all of it where it is shorter. A symbolic link is an error.
///
/// # Errors
/// As [`read_no_link`]; `max_bytes` counts for the whole file.
pub fn read_start_no_link(path: &Path, max_bytes: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(bytes);
    let file = open_with(path, max_bytes, OFlags::NOFOLLOW)?;
    file.take(bytes as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn open_with(path: &Path, max_bytes: u64, flags: OFlags) -> io::Result<File> {
    // A named pipe without a writer must not keep us waiting.
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path);
    let file: File = opened.map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            refused("a symbolic link, which is not followed here")
        } else {
            error
        }
    })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused("not a regular file"));
    }
    if metadata.len() > max_bytes {
        return Err(too_large(max_bytes));
    }
    Ok(file)
}

fn read_with(path: &Path, max_bytes: u64, flags: OFlags) -> io::Result<Vec<u8>> {
    let file = open_with(path, max_bytes, flags)?;
    // Files may grow, and those of /proc say that they have no length.
    let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize);
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large(max_bytes));
    }
    Ok(bytes)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

fn too_large(max_bytes: u64) -> io::Error {
    let why = format!("longer than {max_bytes} bytes, the most there may be");
    io::Error::new(ErrorKind::FileTooLarge, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn kind(result: io::Result<Vec<u8>>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn only_regular_files_of_bounded_length_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("four"), "1234").unwrap();
        assert_eq!(read(&at("four"), 4).unwrap(), b"1234");
        assert_eq!(kind(read(&at("four"), 3)), ErrorKind::FileTooLarge);
        assert_eq!(kind(read(folder.path(), 4)), ErrorKind::InvalidInput);
        assert_eq!(kind(read(&at("nothing"), 4)), ErrorKind::NotFound);
        symlink(at("four"), at("link")).unwrap();
        assert_eq!(read(&at("link"), 4).unwrap(), b"1234");
        assert_eq!(kind(read_no_link(&at("link"), 4)), ErrorKind::InvalidInput);
        assert_eq!(read_no_link(&at("four"), 4).unwrap(), b"1234");
    }

    #[test]
    fn endless_and_silent_ones_end() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert_eq!(
            kind(read(Path::new("/dev/zero"), 99)),
            ErrorKind::InvalidInput
        );
        if Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .is_ok_and(|status| status.success())
        {
            assert_eq!(kind(read(&pipe, 99)), ErrorKind::InvalidInput);
        }
        if Path::new("/proc/self/maps").exists() {
            assert_eq!(
                kind(read(Path::new("/proc/self/maps"), 9)),
                ErrorKind::FileTooLarge
            );
        }
    }
}
