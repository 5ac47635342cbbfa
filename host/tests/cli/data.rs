//! `mien data inspect`.

use std::path::PathBuf;

use crate::made::{csv, write};
use crate::{failure, json, stdout};

/// Two equal flat pictures with different labels, one of them in PublicTest; all are blank.
fn made_csv() -> String {
    csv(&[
        (0, "Training", 10),
        (3, "Training", 20),
        (3, "Training", 20),
        (4, "PublicTest", 10),
        (6, "PublicTest", 30),
    ])
}

#[test]
fn json_follows_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    let args = [
        "data".as_ref(),
        "inspect".as_ref(),
        path.as_os_str(),
        "--json".as_ref(),
    ];
    insta::assert_json_snapshot!(json(args));
}

#[test]
fn the_table_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    insta::assert_snapshot!(stdout([
        "data".as_ref(),
        "inspect".as_ref(),
        path.as_os_str()
    ]));
}

#[test]
fn a_bad_row_is_reported_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "fer2013.csv",
        made_csv() + "9,1 2 3,Training\n",
    );
    let message = failure(["data".as_ref(), "inspect".as_ref(), path.as_os_str()]);
    assert!(
        message.contains("line 7: label `9` instead of 0 to 6"),
        "{message}"
    );
    assert!(message.contains("fer2013.csv"), "{message}");
}

#[test]
fn a_missing_file_is_reported_with_its_path_and_cause() {
    let message = failure(["data", "inspect", "/no/such/fer2013.csv"]);
    assert!(
        message.contains("cannot read /no/such/fer2013.csv: No such file"),
        "{message}"
    );
}

/// FER2013 itself, when it is there: the counts of facts known from elsewhere.
#[test]
fn fer2013_has_its_known_counts() {
    let shared = std::env::var_os("MIEN_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = shared.join("data/fer2013/fer2013.csv.zst");
    if !path.is_file() {
        let required = std::env::var_os("MIEN_REQUIRE_SHARED").is_some_and(|v| v == "1");
        assert!(!required, "{} is missing", path.display());
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let args = [
        "data".as_ref(),
        "inspect".as_ref(),
        path.as_os_str(),
        "--json".as_ref(),
    ];
    let summary = json(args);
    let training = &summary["counts"]["Training"];
    let classes = [
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ];
    let counts = classes.map(|class| training[class].as_u64().unwrap());
    assert_eq!(counts, [3995, 436, 4097, 7215, 4830, 3171, 4965]);
    assert_eq!(counts.iter().sum::<u64>(), 28_709);
    assert_eq!(summary["counts"]["PublicTest"]["disgust"], 56);
    let leak = &summary["duplicates"]["across"][0];
    assert_eq!(
        (&leak["split"], &leak["pictures"]),
        (&"PublicTest".into(), &280.into())
    );
}
