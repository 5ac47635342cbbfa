use image::{GrayImage, Luma};

use super::*;
use crate::dataset::open;

/// Writes a gray picture whose format follows from the name.
fn write_picture(root: &Path, name: &str, size: (u32, u32), value: impl Fn(u32, u32) -> u8) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = GrayImage::from_fn(size.0, size.1, |x, y| Luma([value(x, y)]));
    picture.save(path).unwrap();
}

fn read(root: &Path) -> Result<Dataset, DatasetError> {
    open(root, Progress::Silent)
}

fn rows(data: &Dataset) -> Vec<(u8, Split, u8)> {
    let row = |i| (data.label(i), data.split(i), data.pixels(i)[0]);
    (0..data.len()).map(row).collect()
}

#[test]
fn splits_and_usual_class_names_are_understood() {
    let root = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("train/Happiness/b.png", 20),
        ("train/Happiness/a.jpg", 10),
        ("train/0/more/c.JPEG", 30),
        ("validation/sadness/d.png", 40),
        ("test/fearful/e.png", 50),
    ] {
        write_picture(root.path(), name, (48, 48), |_, _| value);
    }
    fs::write(root.path().join("train/Happiness/Thumbs.db"), b"x").unwrap();
    fs::create_dir_all(root.path().join("__MACOSX/train")).unwrap();
    let mut found = rows(&read(root.path()).unwrap());
    found.sort();
    assert_eq!(
        found,
        [
            (0, Split::Training, 30),
            (2, Split::PrivateTest, 50),
            (3, Split::Training, 10),
            (3, Split::Training, 20),
            (4, Split::PublicTest, 40),
        ]
    );
}

#[test]
fn classes_without_splits_and_a_lone_test_folder_work() {
    let root = tempfile::tempdir().unwrap();
    write_picture(root.path(), "plain/surprised/a.png", (48, 48), |_, _| 1);
    write_picture(root.path(), "split/test/neutral/a.png", (48, 48), |_, _| 2);
    let plain = read(&root.path().join("plain")).unwrap();
    assert_eq!(rows(&plain), [(5, Split::Training, 1)]);
    let split = read(&root.path().join("split")).unwrap();
    assert_eq!(rows(&split), [(6, Split::PrivateTest, 2)]);
}

#[test]
fn pictures_of_48_pixels_are_copied_exactly() {
    let root = tempfile::tempdir().unwrap();
    let value = |x: u32, y: u32| (x * 5 + y * 7) as u8;
    write_picture(root.path(), "happy/a.png", (48, 48), value);
    let data = read(root.path()).unwrap();
    for (i, &pixel) in data.pixels(0).iter().enumerate() {
        assert_eq!(pixel, value((i % SIDE) as u32, (i / SIDE) as u32));
    }
}

#[test]
fn other_sizes_are_cut_square_and_averaged() {
    let root = tempfile::tempdir().unwrap();
    // 192 x 96: the middle 96 columns count; each cell of 2 x 2 has the values v, v, v+2, v+2.
    let value = |x: u32, y: u32| match x {
        48..144 => ((x - 48) / 2 + 2 * (y % 2)) as u8,
        _ => 255,
    };
    write_picture(root.path(), "happy/a.png", (192, 96), value);
    let data = read(root.path()).unwrap();
    for (i, &pixel) in data.pixels(0).iter().enumerate() {
        assert_eq!(usize::from(pixel), i % SIDE + 1);
    }
}

#[test]
fn damaged_pictures_are_listed_with_their_paths() {
    let root = tempfile::tempdir().unwrap();
    write_picture(root.path(), "happy/a.png", (48, 48), |_, _| 1);
    fs::write(root.path().join("happy/b.png"), b"").unwrap();
    fs::write(root.path().join("happy/c.jpg"), b"no picture").unwrap();
    match read(root.path()).unwrap_err() {
        DatasetError::BadPictures { pictures, more, .. } => {
            let names: Vec<_> = pictures.iter().map(|p| name_of(&p.path)).collect();
            assert_eq!((names, more), (vec!["b.png".into(), "c.jpg".into()], 0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn unknown_folders_are_named() {
    let root = tempfile::tempdir().unwrap();
    write_picture(root.path(), "happy/a.png", (48, 48), |_, _| 1);
    write_picture(root.path(), "contempt/a.png", (48, 48), |_, _| 1);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.contains("contempt is no class"), "{error}");

    let root = tempfile::tempdir().unwrap();
    write_picture(root.path(), "train/happy/a.png", (48, 48), |_, _| 1);
    write_picture(root.path(), "tset/happy/a.png", (48, 48), |_, _| 1);
    let error = read(root.path()).unwrap_err().to_string();
    assert!(error.contains("tset is no split"), "{error}");

    let empty = tempfile::tempdir().unwrap();
    fs::create_dir_all(empty.path().join("happy")).unwrap();
    assert!(matches!(
        read(empty.path()),
        Err(DatasetError::Empty { .. })
    ));
    fs::remove_dir(empty.path().join("happy")).unwrap();
    assert!(matches!(
        read(empty.path()),
        Err(DatasetError::Empty { .. })
    ));
}
