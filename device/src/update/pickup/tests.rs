use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use mien_models::container::encode;
use mien_models::embedded;
use mien_models::procedural::test_model;

use super::find::MAX_FILES;
use super::*;
use crate::update::UpdateOptions;
use crate::update::check::Rules;
use crate::update::fs::RealFs;
use crate::update::record::Role;
use crate::update::store::Store;
use crate::update::trust::Trust;

fn model(version: u64) -> Vec<u8> {
    let model = test_model();
    encode(&model, model.model_id(), version).unwrap()
}

/// The bundled cascade with another version.
fn cascade(version: u64) -> Vec<u8> {
    let (header, model) =
        mien_models::container::decode::<mien_models::cascade::CascadeModel<'_>>(embedded::CASCADE)
            .unwrap();
    encode(&model, header.model_id, version).unwrap()
}

fn installer(state: &Path) -> Installer<RealFs> {
    let options = UpdateOptions {
        allow_unsigned: true,
        ..UpdateOptions::default()
    };
    let store = Store::new(RealFs, state);
    store.prepare().unwrap();
    Installer {
        store,
        rules: Rules {
            trust: Trust::load(&options).unwrap(),
            ..Rules::default()
        },
    }
}

fn version(installer: &Installer<RealFs>, role: Role) -> Option<u64> {
    let record = installer.store.load().unwrap();
    record
        .pointer(role)
        .active_entry()
        .map(|entry| entry.version)
}

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

    let stick = at("media/stick/mien");
    for version in [1, 3, 2] {
        fs::write(stick.join(format!("{version}.postcard")), model(version)).unwrap();
    }
    fs::write(stick.join("3.postcard.sig"), [7; 96]).unwrap();
    fs::write(stick.join("0.postcard"), "nonsense").unwrap();
    fs::write(stick.join("4.postcard"), vec![0; 200]).unwrap();
    fs::write(stick.join("notes.txt"), "no model").unwrap();
    symlink(stick.join("1.postcard"), stick.join("link.postcard")).unwrap();
    let found = look(&stick);
    let names: Vec<_> = found
        .iter()
        .map(|found| found.path.file_name().unwrap())
        .collect();
    assert_eq!(names, ["3.postcard", "2.postcard", "1.postcard"]);
    assert_eq!(found[0].read().unwrap().signature, Some(vec![7; 96]));
    assert_eq!(found[1].read().unwrap().signature, None);
    found[0].clear();
    assert_eq!(look(&stick).len(), 2);

    // However many there are, the highest versions are among those looked at.
    for version in 10..60 {
        fs::write(stick.join(format!("{version}.postcard")), model(version)).unwrap();
    }
    let found = look(&stick);
    assert_eq!((found.len(), found[0].version), (MAX_FILES, 59));
}

#[test]
fn a_folder_s_models_are_installed_together_or_not_at_all() {
    let root = tempfile::tempdir().unwrap();
    let stick = root.path().join("media/mien");
    fs::create_dir_all(&stick).unwrap();
    let installer = installer(&root.path().join("state"));
    let mounts = [root.path().join("media")];
    let pick_up = || pick_up(&installer, &root.path().join("state"), &mounts, 3);
    fs::write(stick.join("face.postcard"), cascade(7)).unwrap();
    // The same length and header, but other content.
    let mut broken = model(7);
    let last = broken.len() - 1;
    broken[last] ^= 1;
    fs::write(stick.join("expression.postcard"), broken).unwrap();
    pick_up();
    assert_eq!(version(&installer, Role::Detector), None);
    fs::write(stick.join("expression.postcard"), model(7)).unwrap();
    pick_up();
    assert_eq!(version(&installer, Role::Detector), Some(7));
    assert_eq!(version(&installer, Role::Expression), Some(7));
    // What is no news holds up nothing.
    installer.confirm(Role::Detector).unwrap();
    installer.confirm(Role::Expression).unwrap();
    fs::write(stick.join("face.postcard"), cascade(8)).unwrap();
    pick_up();
    assert_eq!(version(&installer, Role::Detector), Some(8));
    assert_eq!(version(&installer, Role::Expression), Some(7));
    assert!(!installer.store.folder().join("picking.json").exists());
}

#[test]
fn files_that_end_the_program_are_left_alone_after_some_starts() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let incoming = state.join(INCOMING);
    fs::create_dir_all(&incoming).unwrap();
    let installer = installer(&state);
    fs::write(incoming.join("a.postcard"), model(7)).unwrap();
    for start in 0..3 {
        // As if the program had ended here.
        let found = look(&incoming);
        let mark = Mark::new(installer.store.folder(), found.iter());
        assert_eq!(mark.begin().unwrap(), start);
    }
    pick_up(&installer, &state, &[], 3);
    assert_eq!(version(&installer, Role::Expression), None);
    assert!(incoming.join("a.postcard").exists());
    // Another file is another matter.
    fs::write(incoming.join("a.postcard"), model(8)).unwrap();
    pick_up(&installer, &state, &[], 3);
    assert_eq!(version(&installer, Role::Expression), Some(8));
    assert!(!incoming.join("a.postcard").exists());
}
