//! `mien data …`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::made::{csv, shared, write};
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

/// FERPlus's votes on [`made_csv`], `times` over: the last of Training is no face.
fn made_votes(times: usize) -> String {
    let header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,\
                  unknown,NF\n";
    let rows = "Training,a.png,0,0,0,0,10,0,0,0,0,0\n\
                Training,b.png,0,9,0,0,0,0,0,1,0,0\n\
                Training,,0,0,0,0,0,0,0,0,0,10\n\
                PublicTest,d.png,0,0,0,8,2,0,0,0,0,0\n\
                PublicTest,e.png,10,0,0,0,0,0,0,0,0,0\n";
    header.to_owned() + &rows.repeat(times)
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

fn hygiene_args(data: &Path, votes: &Path) -> [OsString; 6] {
    let [data, votes] = [data, votes].map(OsString::from);
    let [verb, noun] = ["data", "hygiene"].map(OsString::from);
    [verb, noun, "--data".into(), data, "--ferplus".into(), votes]
}

#[test]
fn hygiene_says_what_leaves_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    let votes = write(folder.path(), "fer2013new.csv", made_votes(1));
    let other = write(folder.path(), "other.csv", csv(&[(3, "Training", 20)]));
    let args = hygiene_args(&path, &votes);
    insta::assert_snapshot!(stdout(&args));
    let more = [
        "--json".into(),
        "--evaluation".into(),
        other.into_os_string(),
    ];
    let report = json(args.into_iter().chain(more));
    insta::assert_json_snapshot!(report);
}

#[test]
fn votes_of_other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    let votes = write(folder.path(), "fer2013new.csv", made_votes(2));
    let message = failure(hygiene_args(&path, &votes));
    assert!(
        message.contains("fer2013new.csv does not go with"),
        "{message}"
    );
    assert!(message.contains("10 rows for 5 pictures"), "{message}");
    let message = failure(hygiene_args(&path, &path));
    assert!(
        message.contains("is not FERPlus's fer2013new.csv"),
        "{message}"
    );
}

/// Packs a csv and its votes, and says where the pack is.
fn pack(data: &Path, votes: &Path, folder: &Path) -> (PathBuf, Value) {
    let out = folder.join("fer2013.mien");
    let [data, votes, to] = [data, votes, &out].map(Path::display);
    let args = format!("data|pack|--data|{data}|--ferplus|{votes}|--out|{to}|--json");
    (out, json(args.split('|')))
}

#[test]
fn a_pack_stands_for_its_csv_and_votes() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    let votes = write(folder.path(), "fer2013new.csv", made_votes(1));
    let (packed, summary) = pack(&path, &votes, folder.path());
    assert_eq!(
        (&summary["n"], &summary["votes"]),
        (&5.into(), &true.into())
    );
    assert_eq!(summary["bytes"], std::fs::metadata(&packed).unwrap().len());
    let inspect = |path: &Path| stdout(["data".as_ref(), "inspect".as_ref(), path.as_os_str()]);
    assert_eq!(inspect(&packed), inspect(&path));
    let hygiene = ["data", "hygiene", "--data"].map(OsString::from);
    let from_pack = stdout(hygiene.into_iter().chain([packed.into()]));
    assert_eq!(from_pack, stdout(hygiene_args(&path, &votes)));
}

#[test]
fn a_damaged_pack_is_refused_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "fer2013.csv", made_csv());
    let votes = write(folder.path(), "fer2013new.csv", made_votes(1));
    let (packed, _) = pack(&path, &votes, folder.path());
    let mut bytes = std::fs::read(&packed).unwrap();
    bytes[30] ^= 4;
    std::fs::write(&packed, bytes).unwrap();
    let message = failure(["data".as_ref(), "inspect".as_ref(), packed.as_os_str()]);
    assert!(message.contains("fer2013.mien cannot be used"), "{message}");
    assert!(message.contains("SHA-256 differs"), "{message}");

    let from = path.display();
    let to = folder.path().join("no/such/folder/out.mien");
    let args = format!("data|pack|--data|{from}|--out|{}", to.display());
    let message = failure(args.split('|'));
    assert!(
        message.contains("cannot pack into") && message.contains("out.mien"),
        "{message}"
    );
}

/// FER2013 and FERPlus as one file, when they are there: small, and the same data.
#[test]
fn fer2013_packs_into_fifty_million_bytes() {
    let names = [
        "data/fer2013/fer2013.csv.zst",
        "data/fer2013/fer2013new.csv",
    ];
    let [Some(data), Some(votes)] = names.map(shared) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (packed, summary) = pack(&data, &votes, folder.path());
    assert_eq!(summary["n"], 32_298);
    let bytes = summary["bytes"].as_u64().unwrap();
    assert!(bytes < 50_000_000, "{bytes} bytes");
    let inspect = |path: &Path| stdout(["data".as_ref(), "inspect".as_ref(), path.as_os_str()]);
    assert_eq!(inspect(&packed), inspect(&data));
}

/// FER2013 and FERPlus themselves, when they are there: counts computed outside of this program.
#[test]
fn hygiene_of_fer2013_is_the_known_one() {
    let names = [
        "data/fer2013/fer2013.csv.zst",
        "data/fer2013/fer2013new.csv",
    ];
    let [Some(data), Some(votes)] = names.map(shared) else {
        return;
    };
    let args = hygiene_args(&data, &votes).into_iter();
    let report = json(args.chain(["--json".into()]));
    for (key, count) in [
        ("training", 28_709),
        ("evaluation_duplicates", 351),
        ("blank", 0),
        ("not_a_face", 139),
        ("calibration", 2_838),
        ("kept", 25_381),
        ("repeated", 1_036),
        ("conflicting_groups", 28),
    ] {
        assert_eq!(report[key], count, "{key}");
    }
}

/// FER2013 itself, when it is there: the counts of facts known from elsewhere.
#[test]
fn fer2013_has_its_known_counts() {
    let Some(path) = shared("data/fer2013/fer2013.csv.zst") else {
        return;
    };
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
