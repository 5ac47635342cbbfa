//! Models onto a card or a stick, for a device that looks there when it starts.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model_file;
use crate::signing::signature_path;

/// Where on the medium mounted at `root` a device looks: in its state folder where this is a device's
/// root file system, else in the folder `mien`.
pub fn folder(root: &Path) -> PathBuf {
    match root.join("var/lib").is_dir() && root.join("etc").is_dir() {
        true => root.join("var/lib/mien/incoming"),
        false => root.join("mien"),
    }
}

/// Copies the files and the signatures beside them into `folder`, each whole or not at all. Returns
/// the copies.
///
/// # Errors
/// Those of the file system, and two files of one name.
pub fn copy(files: &[PathBuf], folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = BTreeSet::new();
    if let Some(path) = files.iter().find(|path| !names.insert(path.file_name())) {
        let why = format!("another of the files has the name of {}", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    fs::create_dir_all(folder)?;
    let mut copies = Vec::new();
    for path in files {
        let copy = folder.join(path.file_name().unwrap_or_default());
        let signature = signature_path(path);
        // The signature first: a model without it would be refused.
        if signature.exists() {
            model_file::write(&signature_path(&copy), &fs::read(&signature)?)?;
        }
        model_file::write(&copy, &fs::read(path)?)?;
        copies.push(copy);
    }
    adopt(folder, &copies);
    Ok(copies)
}

/// In a device's state folder the files belong to its user, who removes them.
#[cfg(unix)]
fn adopt(folder: &Path, copies: &[PathBuf]) {
    use std::os::unix::fs::{MetadataExt, chown};
    let state = folder.parent().map(fs::metadata);
    let Some(Ok(owner)) = state else {
        return;
    };
    let signatures: Vec<PathBuf> = copies.iter().map(|path| signature_path(path)).collect();
    let all = copies.iter().chain(&signatures).map(PathBuf::as_path);
    for path in all.chain([folder]) {
        // Sticks have no owners, and systemd gives a state folder to its service at its start.
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

#[cfg(not(unix))]
fn adopt(_: &Path, _: &[PathBuf]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticks_and_root_file_systems_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(folder(root.path()), root.path().join("mien"));
        for made in ["var/lib", "etc"] {
            fs::create_dir_all(root.path().join(made)).unwrap();
        }
        assert_eq!(
            folder(root.path()),
            root.path().join("var/lib/mien/incoming")
        );
    }

    #[test]
    fn one_name_for_two_files_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|below| root.path().join(below).join("x.postcard"));
        for file in &files {
            fs::create_dir(file.parent().unwrap()).unwrap();
            fs::write(file, "model").unwrap();
        }
        let error = copy(&files, &root.path().join("mien")).unwrap_err();
        assert!(error.to_string().contains("b/x.postcard"), "{error}");
        assert!(!root.path().join("mien").exists(), "none is copied");
    }

    #[test]
    fn signatures_go_along() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a.postcard");
        fs::write(&file, "model").unwrap();
        fs::write(signature_path(&file), "signature").unwrap();
        let other = root.path().join("b.postcard");
        fs::write(&other, "unsigned").unwrap();
        let folder = root.path().join("stick/mien");
        let copies = copy(&[file, other], &folder).unwrap();
        assert_eq!(fs::read(&copies[0]).unwrap(), b"model");
        assert_eq!(fs::read(signature_path(&copies[0])).unwrap(), b"signature");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    }
}
