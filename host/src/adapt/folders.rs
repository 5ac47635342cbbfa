//! The owner's pictures: `FOLDER/<label>/*.jpg`, the labels being whatever the folders are called.

use std::fs;
use std::path::{Path, PathBuf};

use mien_device::capture::files;
use mien_models::label::{Expression, Labels};

use super::AdaptError;
use crate::dataset::class_index;

/// The pictures of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The label.
    pub label: String,
    /// Where they are.
    pub path: PathBuf,
    /// JPEG and PNG files, sorted.
    pub pictures: Vec<PathBuf>,
}

/// The folders of `root`, sorted by path. A name that is a usual spelling of one of the labels of
/// `model` (`happiness`) is that label; any other stands for itself.
///
/// # Errors
/// When `root` is laid out otherwise, or two folders mean one label.
pub fn read(root: &Path, model: &Labels) -> Result<Vec<Folder>, AdaptError> {
    let layout = |path: &Path, why| {
        Err(AdaptError::Layout {
            path: path.to_owned(),
            why,
        })
    };
    let entries = visible(root)?;
    let (paths, loose): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.into_iter().partition(|p| p.is_dir());
    if loose.iter().any(|path| files::is_picture(path)) {
        return layout(
            root,
            "there are pictures beside the folders, which have no label",
        );
    }
    if paths.is_empty() {
        return layout(root, "there are no folders in it");
    }
    let mut folders: Vec<Folder> = vec![];
    for path in paths {
        let (inner, mut pictures): (Vec<PathBuf>, Vec<PathBuf>) =
            visible(&path)?.into_iter().partition(|p| p.is_dir());
        pictures.retain(|path| files::is_picture(path));
        if !inner.is_empty() {
            return layout(
                &path,
                "it holds folders, but a label's pictures lie directly in its folder (`mien train` \
                 reads data sets of train/<class>/…)",
            );
        }
        let label = label_of(&name_of(&path), model);
        if let Some(first) = folders.iter().find(|folder| folder.label == label) {
            return Err(AdaptError::SameLabel {
                label,
                first: first.path.clone(),
                second: path,
            });
        }
        folders.push(Folder {
            label,
            path,
            pictures,
        });
    }
    Labels::new(folders.iter().map(|folder| folder.label.as_str()))?;
    Ok(folders)
}

fn label_of(name: &str, model: &Labels) -> String {
    let name = name.trim();
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    let usual = class_index(name)
        .filter(|_| !is_number && model.index_of(name).is_none())
        .and_then(|class| Expression::from_index(usize::from(class)))
        .filter(|expression| model.index_of(expression.name()).is_some());
    usual.map_or_else(|| name.to_owned(), |expression| expression.to_string())
}

/// Sorted paths in a folder, without hidden ones.
fn visible(folder: &Path) -> Result<Vec<PathBuf>, AdaptError> {
    let read = |source| AdaptError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = vec![];
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if !name_of(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn folders_are_labels() {
        let files = [
            "not smiling/b.PNG",
            "not smiling/a.jpg",
            "Happiness/c.jpeg",
            ".git/x.jpg",
        ];
        let made = made(&[&files[..], &["Happiness/notes.txt", "list.txt"]].concat());
        let found = read(made.path(), &Labels::fer2013()).unwrap();
        let labels: Vec<&str> = found.iter().map(|f| f.label.as_str()).collect();
        assert_eq!(labels, ["happy", "not smiling"]);
        assert_eq!(found[0].pictures, [made.path().join("Happiness/c.jpeg")]);
        assert_eq!(found[1].pictures.len(), 2);
        assert!(found[1].pictures[0].ends_with("a.jpg"));
        // Of a model without the label, the name is what it is.
        let other = Labels::new(["smile", "frown"]).unwrap();
        assert_eq!(read(made.path(), &other).unwrap()[0].label, "Happiness");
    }

    #[test]
    fn other_layouts_are_refused() {
        for (files, part) in [
            (&["a.jpg"][..], "beside the folders"),
            (&["happy/a.jpg", "a.png"], "beside the folders"),
            (&["notes.txt"], "no folders"),
            (&["train/happy/a.jpg"], "train/<class>"),
            (&["happy/a.jpg", "joy/a.jpg"], "both mean"),
            (&["a name that is much too long for it/a.jpg"], "cannot be"),
        ] {
            let made = made(files);
            let error = read(made.path(), &Labels::fer2013()).unwrap_err();
            assert!(error.to_string().contains(part), "{files:?}: {error}");
        }
        let error = read(Path::new("/nowhere/at/all"), &Labels::fer2013()).unwrap_err();
        assert!(matches!(error, AdaptError::Read { .. }), "{error}");
    }
}
