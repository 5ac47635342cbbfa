//! `mien keygen`, `sign` and `verify`. Keys are made by the tests; none is kept.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use mien_models::procedural::test_model;

use crate::made::{packed, write};
use crate::{failure, stderr, stdout};

/// Runs `mien` without a terminal.
fn mien(folder: &Path, args: &[&str], passphrase: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
    command.args(args).current_dir(folder);
    command.env_remove("MIEN_PASSPHRASE");
    if let Some(passphrase) = passphrase {
        command.env("MIEN_PASSPHRASE", passphrase);
    }
    command.output().expect("mien starts")
}

#[test]
fn keys_sign_and_signatures_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    write(folder.path(), "a.postcard", packed(&test_model()));
    let said = stdout(["keygen", "--out", &at("key")]);
    assert!(
        said.contains("trusted_keys = [\"MCowBQYDK2VwAyEA"),
        "{said}"
    );
    stdout(["keygen", "--out", &at("other")]);
    assert!(failure(["keygen", "--out", &at("key")]).contains("never overwritten"));

    stdout(["sign", "--key", &at("key"), &at("a.postcard")]);
    assert_eq!(fs::read(at("a.postcard.sig")).unwrap().len(), 96);
    stdout(["verify", "--key", &at("key.pub"), &at("a.postcard")]);
    let message = failure(["verify", "--key", &at("other.pub"), &at("a.postcard")]);
    assert!(message.contains("not trusted"), "{message}");
    let message = failure(["verify", "--key", &at("key"), &at("a.postcard")]);
    assert!(message.contains("this is a private key"), "{message}");

    let mut file = fs::read(at("a.postcard")).unwrap();
    file[32] ^= 1;
    fs::write(at("a.postcard"), &file).unwrap();
    let message = failure(["verify", "--key", &at("key.pub"), &at("a.postcard")]);
    assert!(message.contains("is not of this file"), "{message}");
    // Nothing unsound is signed, and its old signature stays.
    let message = failure(["sign", "--key", &at("key"), &at("a.postcard")]);
    assert!(message.contains("not a sound model file"), "{message}");
    fs::remove_file(at("a.postcard.sig")).unwrap();
    let message = failure(["verify", "--key", &at("key.pub"), &at("a.postcard")]);
    assert!(message.contains("a.postcard.sig"), "{message}");
}

#[test]
fn a_passphrase_is_needed_where_one_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], passphrase| mien(folder.path(), args, passphrase);
    write(folder.path(), "a.postcard", packed(&test_model()));
    let made = run(&["keygen", "--out", "key"], Some("correct horse"));
    assert!(made.status.success(), "{}", stderr(&made));
    let sign = ["sign", "--key", "key", "a.postcard"];
    for (passphrase, message) in [
        (None, "is encrypted"),
        (Some("battery staple"), "does not open"),
    ] {
        let output = run(&sign, passphrase);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert!(!folder.path().join("a.postcard.sig").exists());
    }
    assert!(run(&sign, Some("correct horse")).status.success());
    write(folder.path(), "secret", "correct horse\n");
    let from_file = [&sign[..], &["--passphrase-file", "secret"]].concat();
    assert!(run(&from_file, None).status.success());
    assert_eq!(
        run(&["keygen", "--out", "b"], Some("")).status.code(),
        Some(1)
    );
    assert!(!folder.path().join("b").exists());
}

/// Our signatures and keys are Ed25519 as everybody else knows it.
#[test]
fn openssl_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl")
            .args(args)
            .current_dir(folder.path())
            .output();
        output.map(|output| (output.status.success(), stderr(&output)))
    };
    if openssl(&["version"]).is_err() {
        eprintln!("skipped: there is no openssl to compare with");
        return;
    }
    let file = packed(&test_model());
    write(folder.path(), "a.postcard", &file);
    assert!(
        mien(folder.path(), &["keygen", "--out", "key"], Some("secret"))
            .status
            .success()
    );
    let sign = ["sign", "--key", "key", "a.postcard"];
    assert!(mien(folder.path(), &sign, Some("secret")).status.success());
    let signature = fs::read(folder.path().join("a.postcard.sig")).unwrap();
    write(folder.path(), "raw.sig", &signature[32..]);
    let check = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key.pub",
        "-rawin",
        "-in",
        "a.postcard",
        "-sigfile",
        "raw.sig",
    ];
    assert_eq!(openssl(&check).unwrap(), (true, String::new()));
    // The private key opens there, too, and signs the same bytes.
    let theirs = [
        "pkeyutl",
        "-sign",
        "-inkey",
        "key",
        "-passin",
        "pass:secret",
        "-rawin",
        "-in",
        "a.postcard",
        "-out",
        "their.sig",
    ];
    assert_eq!(openssl(&theirs).unwrap(), (true, String::new()));
    assert_eq!(
        fs::read(folder.path().join("their.sig")).unwrap(),
        signature[32..]
    );
}
