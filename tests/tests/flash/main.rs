//! `mien flash` against OpenSSH's own server on this machine, with a `mien-device` behind it: from the
//! key to the switched model, and everything that may go wrong in between.

mod adapted;
mod cut;
mod device;

use std::fs;
use std::process::{Command, Output};
use std::thread;

use cut::Cutter;
use device::model;
use mien_models::procedural::Rng;
use serde_json::Value;

/// Skips a test where there is no sshd.
macro_rules! site {
    ($trial_s:expr) => {
        match device::Site::new($trial_s) {
            Some(site) => site,
            None => return,
        }
    };
}

fn text(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn from_the_key_to_new_verdicts_and_back() {
    let mut site = site!(2);
    // The key comes onto the device the first time, and only the first time.
    site.mien(&["keygen", "--out", "my.key"], 0);
    site.device
        .trust(&fs::read_to_string(site.path("my.key.pub")).unwrap());
    site.write("smiling.postcard", &model(9, "smiling"));
    site.mien(&["sign", "--key", "my.key", "smiling.postcard"], 0);
    site.device.start();
    site.device.wait_for_label("happy");

    let dry = site.flash(&["pi", "--dry-run", "smiling.postcard"], 0);
    assert!(
        dry.contains("pi: expression version 9 would be installed"),
        "{dry}"
    );
    site.device.wait_for_label("happy");
    let done = site.flash(&["pi", "smiling.postcard"], 0);
    assert!(done.contains("version 9 runs, on trial for 2 s"), "{done}");
    site.device.wait_for_label("smiling");
    site.device.wait_for_standing("confirmed");

    let replay = site.flash(&["pi", "smiling.postcard"], 1);
    assert!(replay.contains("version 9 is not above 9"), "{replay}");
    let back = site.flash(&["pi", "--rollback"], 0);
    assert!(back.contains("pi: expression: the model before"), "{back}");
    site.device.wait_for_label("happy");
    let none = site.flash(&["pi", "--rollback"], 1);
    assert!(none.contains("no install to roll back"), "{none}");
    assert!(site.leftovers().is_empty(), "{:?}", site.leftovers());
}

#[test]
fn several_devices_have_a_line_each() {
    let mut site = site!(3600);
    let file = site.signed(9);
    site.device.start();
    // A port where nobody listens.
    let outcome = site.flash(&["pi,nobody", &file], 1);
    let lines: Vec<&str> = outcome.lines().filter(|line| line.contains("  ")).collect();
    assert!(lines[0].starts_with("host"), "{outcome}");
    assert!(
        lines[1].starts_with("pi ") && lines[1].contains("version 9 runs"),
        "{outcome}"
    );
    assert!(
        lines[2].starts_with("nobody") && lines[2].contains("refused"),
        "{outcome}"
    );
    let json = site.flash(&["pi,nobody", &file, "--json"], 1);
    let json: Value = serde_json::from_str(&json[..json.rfind(']').unwrap() + 1]).unwrap();
    assert_eq!(json[0]["failed"]["code"], "on_trial");
    assert_eq!(json[1]["failed"]["code"], "connection");
}

#[test]
fn a_host_that_is_another_gets_nothing() {
    let mut site = site!(3600);
    let file = site.signed(9);
    site.device.start();
    let known = site.path("known_hosts");
    let theirs = fs::read_to_string(&known).unwrap();
    let stranger = site.make_key("other_host");
    fs::write(&known, format!("pi {stranger}\n")).unwrap();
    let outcome = site.flash(&["pi", &file], 1);
    assert!(
        outcome.contains("Host key verification failed"),
        "{outcome}"
    );
    fs::write(&known, "").unwrap();
    let outcome = site.flash(&["pi", &file], 1);
    assert!(
        outcome.contains("Host key verification failed"),
        "{outcome}"
    );
    assert_eq!(site.device.standing(), "factory");
    fs::write(&known, theirs).unwrap();
    site.flash(&["pi", &file], 0);
}

#[test]
fn unsigned_strange_and_broken_files() {
    let mut site = site!(3600);
    let file = site.signed(9);
    site.device.start();
    site.write("unsigned.postcard", &model(9, "smiling"));
    let outcome = site.flash(&["pi", "unsigned.postcard"], 1);
    assert!(
        outcome.contains("unsigned.postcard is unsigned"),
        "{outcome}"
    );
    assert!(
        outcome.contains("not trusted: it is not signed"),
        "{outcome}"
    );
    site.mien(&["keygen", "--out", "stranger.key"], 0);
    site.mien(&["sign", "--key", "stranger.key", "unsigned.postcard"], 0);
    let outcome = site.flash(&["pi", "unsigned.postcard"], 1);
    assert!(outcome.contains("which is not trusted"), "{outcome}");
    site.write("broken.postcard", b"MIENPACK and nothing else");
    let outcome = site.flash(&["pi", "broken.postcard"], 1);
    assert!(outcome.contains("not a sound model file"), "{outcome}");
    let option = site.mien(&["flash", "--", "-oProxyCommand=x", &file], 1);
    assert!(option.contains("is no host"), "{option}");
    let forgotten = site.mien(&["flash", &file], 1);
    assert!(forgotten.contains("the host comes first"), "{forgotten}");
    let absent: [&str; 4] = ["pi", &file, "--device-program", "/nowhere/mien-device"];
    let outcome = site.flash(&absent, 1);
    assert!(
        outcome.contains("there is no /nowhere/mien-device"),
        "{outcome}"
    );
    assert_eq!(site.device.standing(), "factory");
    assert!(site.leftovers().is_empty(), "{:?}", site.leftovers());
}

/// Whatever is cut off, the old model runs or the new one, and the next attempt succeeds.
#[test]
fn the_connection_is_cut_at_ten_points() {
    let mut site = site!(3600);
    site.device.start();
    let cutter = Cutter::start(site.server.port);
    site.add_host("cut", cutter.port);
    // How much there is to be cut.
    let first = site.signed(10);
    site.flash(&["cut", &first], 0);
    let whole = cutter.passed();
    assert!(whole > 20_000, "{whole}");
    site.flash(&["pi", "--rollback"], 0);

    let mut rng = Rng::new(3);
    let mut installed = 0;
    for attempt in 0..10 {
        let version = 11 + attempt;
        let file = site.signed(version);
        let most = rng.between(500, whole as i32 - 1) as u64;
        cutter.cut_after(most);
        let outcome = site.flash(&["cut", &file], 1);
        assert!(outcome.contains("failed"), "{outcome}");
        // The device may still be at it.
        site.device.settle();
        match site.device.standing().as_str() {
            "factory" => {}
            "trial" => {
                installed += 1;
                assert_eq!(site.device.version(), Some(version));
                site.flash(&["pi", "--rollback"], 0);
            }
            other => panic!("{other}"),
        }
    }
    println!("{installed} of 10 cut off after the device had all it needed");
    cutter.cut_after(u64::MAX);
    let last = site.signed(99);
    site.flash(&["cut", &last], 0);
    assert_eq!(site.device.version(), Some(99));
    site.wait_for_no_leftovers();
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let mut site = site!(3600);
    let files = [site.signed(8), site.signed(9)];
    site.device.start();
    let codes = thread::scope(|scope| {
        let site = &site;
        let threads = files
            .each_ref()
            .map(|file| scope.spawn(move || site.flash_command(&["pi", file]).output().unwrap()));
        threads.map(|thread| {
            let output = thread.join().unwrap();
            (output.status.code().unwrap(), text(&output))
        })
    });
    let failed: Vec<&String> = codes
        .iter()
        .filter(|(code, _)| *code == 1)
        .map(|(_, t)| t)
        .collect();
    assert_eq!(failed.len(), 1, "{codes:?}");
    assert!(failed[0].contains("is still on trial"), "{}", failed[0]);
}

/// Needs root: a small disk is mounted, first where files arrive, then where models are kept.
#[test]
fn full_disks_change_nothing() {
    let mut site = site!(3600);
    let Some(small) = SmallDisk::mount(&site.path("small")) else {
        let is_required = std::env::var_os("MIEN_REQUIRE_MOUNT").is_some();
        assert!(!is_required, "no small disk can be mounted");
        eprintln!("skipped: no small disk can be mounted here (needs root)");
        return;
    };
    let file = site.signed(9);
    site.device.start();
    let stuffing = site.path("small").join("stuffing");
    let stuff = || {
        // As much as goes; the last write fails.
        assert!(fs::write(&stuffing, vec![7; small.bytes + 1]).is_err());
    };
    // The system's temporary files.
    stuff();
    site.restart_server(&[("TMPDIR", site.path("small").to_str().unwrap())]);
    let outcome = site.flash(&["pi", &file], 1);
    assert!(outcome.contains("not received whole"), "{outcome}");
    assert_eq!(site.device.standing(), "factory");
    fs::remove_file(&stuffing).unwrap();

    // The state folder.
    site.restart_server(&[]);
    site.device.stop();
    let state = site.path("small").join("state");
    site.device.move_state(&state);
    site.restart_server(&[]);
    site.device.start();
    stuff();
    let outcome = site.flash(&["pi", &file], 1);
    assert!(outcome.contains("No space left"), "{outcome}");
    assert_eq!(site.device.standing(), "factory");
    fs::remove_file(&stuffing).unwrap();
    site.flash(&["pi", &file], 0);
    assert_eq!(site.device.version(), Some(9));
    site.device.stop();
}

/// A disk of a few pages.
struct SmallDisk {
    folder: std::path::PathBuf,
    bytes: usize,
}

impl SmallDisk {
    fn mount(folder: &std::path::Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let bytes = 128 * 1024;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "mien-test"])
            .arg(folder);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| Self {
            folder: folder.to_owned(),
            bytes,
        })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.folder)
            .status();
    }
}

/// A stick needs no connection.
#[test]
fn a_stick_is_written_and_picked_up() {
    let mut site = site!(3600);
    let file = site.signed(9);
    let stick = site.path("media/stick");
    fs::create_dir_all(&stick).unwrap();
    let said = site.mien(&["flash", "--root", stick.to_str().unwrap(), &file], 0);
    assert!(said.contains("media/stick/mien/9.postcard"), "{said}");
    site.device.start();
    assert_eq!(site.device.version(), Some(9));
    let missing = site.mien(&["flash", "--root", "/nowhere", &file], 1);
    assert!(missing.contains("no such folder"), "{missing}");
}

#[test]
fn a_key_comes_onto_a_device_that_trusts_none() {
    let site = site!(3600);
    let Some(install) = site.keygen_install("first.key", 0) else {
        eprintln!("skipped: putting a key on a device needs root here");
        return;
    };
    assert!(install.contains("pi trusts key"), "{install}");
    // Again is fine, another is not.
    site.keygen_install("first.key", 0).unwrap();
    let other = site.keygen_install("second.key", 1).unwrap();
    assert!(
        other.contains("is trusted here") && other.contains("--add"),
        "{other}"
    );
    let config = fs::read_to_string(site.path("conf.d/50-trusted-keys.toml")).unwrap();
    assert_eq!(config.matches("MCowBQYDK2VwAyEA").count(), 1, "{config}");
}
