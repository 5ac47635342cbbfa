use std::io::Write;

use super::*;
use crate::dataset::{PIXELS, Split};

fn csv() -> Vec<u8> {
    let row = |class: u8, usage: &str, value: u8| {
        format!(
            "{class},{},{usage}\n",
            vec![value.to_string(); PIXELS].join(" ")
        )
    };
    let rows = [row(2, "Training", 10), row(5, "PrivateTest", 200)].concat();
    format!("emotion,pixels,Usage\n{rows}").into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar_with(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in [("fer2013/README", b"read me".as_slice()), (name, bytes)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn open_bytes(name: &str, bytes: &[u8]) -> Result<Dataset, DatasetError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    open(&path, Progress::Silent)
}

fn assert_is_the_csv(data: &Dataset) {
    assert_eq!(data.len(), 2);
    assert_eq!((data.label(0), data.split(0)), (2, Split::Training));
    assert_eq!((data.label(1), data.split(1)), (5, Split::PrivateTest));
    assert_eq!(data.pixels(1), &[200; PIXELS]);
}

#[test]
fn every_packing_gives_the_same_pictures() {
    let plain = csv();
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let tar = tar_with("fer2013/fer2013.csv", &plain);
    for (name, bytes) in [
        ("fer2013.csv", plain.clone()),
        ("fer2013.csv.zst", zstd.clone()),
        ("misnamed.csv", zstd),
        ("fer2013.csv.gz", gzip(&plain)),
        ("fer2013.tar", tar.clone()),
        ("fer2013.tar.gz", gzip(&tar)),
        ("icml.tar.gz", gzip(&tar_with("icml_face_data.csv", &plain))),
    ] {
        let data = open_bytes(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_is_the_csv(&data);
    }
}

#[test]
fn a_folder_with_the_csv_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fer2013.csv.gz"), gzip(&csv())).unwrap();
    assert_is_the_csv(&open(folder.path(), Progress::Silent).unwrap());
}

#[test]
fn cut_and_foreign_files_are_errors_that_name_the_file() {
    let zstd = zstd::encode_all(csv().as_slice(), 1).unwrap();
    let cut = open_bytes("cut.zst", &zstd[..zstd.len() / 2]).unwrap_err();
    assert!(matches!(cut, DatasetError::Read { .. }), "{cut:?}");
    let cut = open_bytes("cut.gz", &gzip(&csv())[..60]).unwrap_err();
    assert!(matches!(cut, DatasetError::Read { .. }), "{cut:?}");
    let other = open_bytes("other.tar", &tar_with("a/b.txt", b"hello")).unwrap_err();
    assert!(matches!(other, DatasetError::Archive { .. }), "{other:?}");
    let header_only = open_bytes("fer2013.csv", b"emotion,pixels,Usage\n").unwrap_err();
    assert!(header_only.to_string().contains("fer2013.csv holds no"));
    let missing = open(Path::new("/no/such/file.csv"), Progress::Silent).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read /no/such/file.csv");
}
