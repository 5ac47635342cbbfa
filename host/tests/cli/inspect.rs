//! `mien inspect`.

use mien_models::procedural::test_model;

use crate::made::{packed, write};
use crate::{failure, json, stdout};

/// Checksums follow from the test model's bytes, which are not this program's business.
const HASHES: [&str; 2] = ["model_id", "sha256"];

#[test]
fn json_follows_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "model.postcard", packed(&test_model()));
    let mut inspection = json(["inspect".as_ref(), path.as_os_str(), "--json".as_ref()]);
    for (key, length) in HASHES.into_iter().zip([32, 64]) {
        assert_eq!(inspection[key].as_str().map(str::len), Some(length));
        inspection[key] = format!("[{key}]").into();
    }
    insta::assert_json_snapshot!(inspection);
}

#[test]
fn the_table_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "model.postcard", packed(&test_model()));
    let text = stdout(["inspect".as_ref(), path.as_os_str()]);
    let is_hash = |line: &str| line.starts_with("model id") || line.starts_with("sha256");
    let lines: Vec<&str> = text.lines().filter(|line| !is_hash(line)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_signature_beside_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "model.postcard", packed(&test_model()));
    let signature = write(folder.path(), "model.postcard.sig", "signature");
    let inspection = json(["inspect".as_ref(), path.as_os_str(), "--json".as_ref()]);
    assert_eq!(inspection["signature"], signature.to_str().unwrap());
}

#[test]
fn damaged_and_foreign_files_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let sound = packed(&test_model());
    let fail = |content: &[u8]| {
        let path = write(folder.path(), "model.postcard", content);
        failure(["inspect".as_ref(), path.as_os_str()])
    };
    let message = fail(&sound[..sound.len() - 1]);
    assert!(message.contains("copy or download it again"), "{message}");
    assert!(message.contains("cut off"), "{message}");
    let message = fail(
        b"PK\x03\x04 is the start of a zip archive, which this is not, but long \
        enough for a header of one hundred and twelve bytes.",
    );
    assert!(message.contains("no Mien model file"), "{message}");
    assert!(message.contains("mien quantize"), "{message}");
    let message = fail(b"");
    assert!(message.contains("0 bytes"), "{message}");
    let message = failure(["inspect", "/no/such/model.postcard"]);
    assert!(
        message.contains("cannot read /no/such/model.postcard: No such file"),
        "{message}"
    );
}

#[test]
fn the_bundled_cascade_is_opencvs_frontal_face() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/frontalface.postcard"
    );
    let inspection = json(["inspect", path, "--json"]);
    assert_eq!(inspection["kind"], "cascade");
    let cascade = &inspection["cascade"];
    assert_eq!(cascade["source"], "haarcascade_frontalface_default.xml");
    assert_eq!(
        (&cascade["window_width"], &cascade["features"]),
        (&24.into(), &2913.into())
    );
    let trees = cascade["trees_per_stage"].as_array().unwrap();
    assert_eq!(
        (trees.len(), &trees[0], &trees[24]),
        (25, &9.into(), &200.into())
    );
    let text = stdout(["inspect", path]);
    assert!(text.contains("Intel License Agreement"), "{text}");
}
