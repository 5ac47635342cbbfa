//! Which files an argument names.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::picture::{PictureError, PictureErrorKind};

/// A file to read, or why the argument gives none.
pub type Entry = Result<PathBuf, (PathBuf, PictureError)>;

/// The files that `paths` name, in argument order. A file stands for itself, whatever its
/// extension; a folder for the `.jpg`, `.jpeg` and `.png` files directly inside it, sorted by
/// name (bytewise), hidden files left out.
pub fn expand(paths: &[PathBuf]) -> Vec<Entry> {
    paths.iter().flat_map(|path| expand_one(path)).collect()
}

fn expand_one(path: &Path) -> Vec<Entry> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let mut names: Vec<_> = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect(),
        Err(error) => return vec![Err((path.to_owned(), PictureError::from_io(&error)))],
    };
    names.sort_unstable();
    let files: Vec<_> = names
        .iter()
        .filter(|name| !name.as_encoded_bytes().starts_with(b"."))
        .map(|name| path.join(name))
        .filter(|file| has_picture_extension(file) && file.is_file())
        .map(Ok)
        .collect();
    if files.is_empty() {
        let message = "no .jpg, .jpeg or .png file in this folder (subfolders are not searched)";
        let error = PictureError::new(PictureErrorKind::NoPictures, message);
        return vec![Err((path.to_owned(), error))];
    }
    files
}

/// Whether a file is a picture by its name or its first bytes; other files may be videos.
pub fn is_picture(path: &Path) -> bool {
    let mut start = [0; 8];
    has_picture_extension(path)
        || fs::File::open(path).is_ok_and(|mut file| {
            let read = file.read(&mut start).unwrap_or(0);
            start[..read].starts_with(b"\xff\xd8\xff") || start[..read] == *b"\x89PNG\r\n\x1a\n"
        })
}

fn has_picture_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            ["jpg", "jpeg", "png"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_sorted_and_filtered() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", "10.jpeg", "notes.txt", ".hidden.png"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        fs::create_dir(folder.path().join("c.png")).unwrap();
        let names: Vec<_> = expand(&[folder.path().to_owned()])
            .into_iter()
            .map(|entry| entry.unwrap().file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["10.jpeg", "a.png", "b.JPG"]);
    }

    #[test]
    fn argument_order_is_kept_and_files_stand_for_themselves() {
        let empty = tempfile::tempdir().unwrap();
        let entries = expand(&["z.gif".into(), empty.path().to_owned(), "a.jpg".into()]);
        assert_eq!(entries[0], Ok("z.gif".into()));
        let (path, error) = entries[1].as_ref().unwrap_err();
        assert_eq!(
            (path.as_path(), error.kind),
            (empty.path(), PictureErrorKind::NoPictures)
        );
        assert_eq!(entries[2], Ok("a.jpg".into()));
    }
}
