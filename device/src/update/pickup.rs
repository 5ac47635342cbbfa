//! Models on a card or a stick that was plugged in, or in the state folder's `incoming`: found at a
//! start and offered like any other.

use std::fs;
use std::path::{Path, PathBuf};

use mien_models::container::{HEADER_BYTES, Header};
use mien_models::signature::SIGNATURE_BYTES;

use super::store::{MAX_FILE_BYTES, Stored};
use crate::bounded_file;
use crate::model_file::signature_path;

/// Most files of a folder that are looked at.
const MAX_FILES: usize = 32;
/// The folder on a card or stick.
const FOLDER: &str = "mien";
/// The folder in the state folder.
pub const INCOMING: &str = "incoming";

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// The file and its signature.
    pub stored: Stored,
}

/// The folders to look into: `mien/` and `*/mien/` in each of `mounts`. Links are not followed.
pub fn folders(mounts: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for mount in mounts {
        let below = fs::read_dir(mount).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = below.map(|entry| entry.path()).take(MAX_FILES).collect();
        below.sort();
        found.push(mount.join(FOLDER));
        found.extend(below.into_iter().map(|folder| folder.join(FOLDER)));
    }
    found.retain(|folder| fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()));
    found
}

/// The model files in `folder`, highest versions first. What cannot be read is mentioned and left
/// out.
pub fn look(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "postcard")
    });
    paths.sort();
    paths.truncate(MAX_FILES);
    let mut found: Vec<Found> = paths.iter().filter_map(|path| read(path)).collect();
    found.sort_by_key(|found| {
        let header = found.stored.file.get(..HEADER_BYTES).map(Header::parse);
        let version = header
            .and_then(Result::ok)
            .map(|header| header.model_version);
        std::cmp::Reverse(version)
    });
    found
}

fn read(path: &Path) -> Option<Found> {
    let signature = signature_path(path);
    let read = bounded_file::read_no_link(path, MAX_FILE_BYTES).map(|file| Found {
        path: path.to_owned(),
        stored: Stored {
            file,
            signature: bounded_file::read_no_link(&signature, SIGNATURE_BYTES as u64).ok(),
        },
    });
    read.inspect_err(|error| tracing::warn!("{} is left out: {error}", path.display()))
        .ok()
}

/// Removes a file of `incoming`, whatever came of it.
pub fn clear(found: &Found) {
    for path in [&found.path, &signature_path(&found.path)] {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mien_models::container::encode;
    use mien_models::procedural::test_model;
    use std::os::unix::fs::symlink;

    #[test]
    fn sticks_are_looked_through_without_following_links() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in [
            "media/stick/mien",
            "media/other/photos",
            "boot/mien",
            "elsewhere/mien",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        symlink(at("elsewhere"), at("media/link")).unwrap();
        symlink(at("elsewhere/mien"), at("media/other/mien")).unwrap();
        let mounts = [at("media"), at("boot"), at("nothing")];
        // A link to a whole mount is as good as the mount; one to its `mien` is not.
        let expected = [
            at("media/link/mien"),
            at("media/stick/mien"),
            at("boot/mien"),
        ];
        assert_eq!(folders(&mounts), expected);

        let model = test_model();
        let stick = at("media/stick/mien");
        for version in [1, 3, 2] {
            let file = encode(&model, model.model_id(), version).unwrap();
            fs::write(stick.join(format!("{version}.postcard")), file).unwrap();
        }
        fs::write(stick.join("3.postcard.sig"), [7; 96]).unwrap();
        fs::write(stick.join("0.postcard"), "nonsense").unwrap();
        fs::write(stick.join("notes.txt"), "no model").unwrap();
        symlink(stick.join("1.postcard"), stick.join("link.postcard")).unwrap();
        let found = look(&stick);
        let names: Vec<_> = found
            .iter()
            .map(|found| found.path.file_name().unwrap())
            .collect();
        assert_eq!(
            names,
            ["3.postcard", "2.postcard", "1.postcard", "0.postcard"]
        );
        assert_eq!(found[0].stored.signature, Some(vec![7; 96]));
        assert_eq!(found[1].stored.signature, None);
        clear(&found[0]);
        assert_eq!(look(&stick).len(), 3);
    }
}
