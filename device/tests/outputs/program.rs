//! `mien-device` with outputs, where there is no Pi.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

fn device(arguments: &[&str], config: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(arguments)
        .args(["--config", "config.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn the_terminal_goes_on_without_pins() {
    let run = |output| device(&["run", "--frames", "2", "--output", output], "");
    let (code, stdout, stderr) = run("terminal,led,display");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\"frames\":2"));
    for output in ["led", "display"] {
        assert!(
            stderr.contains(&format!("output {output} is left out")),
            "{stderr}"
        );
    }
    assert!(stderr.contains("hint: "), "{stderr}");
    let (code, _, stderr) = run("led");
    assert_eq!(code, 3);
    assert!(stderr.contains("error: --output led: GPIO "), "{stderr}");
    let (code, _, stderr) = run("lamp");
    assert_eq!(code, 2);
    assert!(stderr.contains("there is terminal, led"), "{stderr}");
}

#[test]
fn pins_have_one_use() {
    let check = |config| {
        let (code, _, stderr) = device(&["run", "--frames", "1"], config);
        assert_eq!(code, 2, "{stderr}");
        stderr
    };
    let twice = check("[led.pins]\nhappy = 5\nsad = 5\n");
    assert!(
        twice.contains("[led] pins.happy and pins.sad are both 5"),
        "{twice}"
    );
    let twice = check("outputs = [\"led\", \"rgb\"]\n[rgb]\npins = [5, 27, 22]\n");
    assert!(twice.contains("GPIO 5 is used twice"), "{twice}");
    let beyond = check("[led.pins]\nhappy = 40\n");
    assert!(beyond.contains("GPIO 0 to 27"), "{beyond}");
    let unknown = check("[led]\npin = 3\n");
    assert!(unknown.contains("unknown field `pin`"), "{unknown}");
    let tall = check("[display]\nheight_px = 50\n");
    assert!(tall.contains("multiple of 8"), "{tall}");
}

#[test]
fn displays_can_be_looked_at() {
    let flat = "[display]\nwidth_px = 96\nheight_px = 16\n";
    let (code, stdout, _) = device(&["simulate", "--show", "happy"], flat);
    assert_eq!(code, 0);
    assert_eq!(stdout.lines().count(), 8 + 2, "{stdout}");
    let (code, _, stderr) = device(&["simulate", "--show", "hungry"], flat);
    assert_eq!(code, 2);
    assert!(stderr.contains("no-camera"), "{stderr}");
}

#[test]
fn off_without_pins_says_what_is_missing() {
    let (code, _, stderr) = device(&["off"], "outputs = [\"led\", \"exec\"]\n");
    assert_eq!(code, 1);
    assert!(stderr.contains("led: GPIO"), "{stderr}");
    let (code, _, _) = device(&["off"], "");
    assert_eq!(code, 0, "a terminal needs no darkening");
}

/// Whether a signal still waits for the process to take it.
fn is_pending(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/status")).is_ok_and(|status| {
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        pending.is_some_and(|signals| signals.contains(|digit| !matches!(digit, '0' | ' ' | '\t')))
    })
}

/// Ends a run twice while its counts wait for a locked database; what it said after that.
fn end_twice(config: &str, gap: Duration) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let (state, errors) = (folder.path().join("state"), folder.path().join("errors"));
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(["run", "--count", "--config", "config.toml"])
        .current_dir(folder.path())
        .env("MIEN_STATE_DIR", &state)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    let database = state.join("counts.db");
    let periods = |database: &rusqlite::Connection| -> rusqlite::Result<u32> {
        database.query_row("SELECT count(*) FROM periods", [], |row| row.get(0))
    };
    let start = Instant::now();
    let shell = loop {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing counts");
        sleep(Duration::from_millis(50));
        if database.exists()
            && let Ok(shell) = rusqlite::Connection::open(&database)
            && matches!(periods(&shell), Ok(1..))
        {
            break shell;
        }
    };
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let terminate = || {
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
    };
    terminate();
    // Two that are pending together are one.
    while is_pending(child.id()) {
        sleep(Duration::from_millis(1));
    }
    sleep(gap);
    terminate();
    let code = child.wait().unwrap().code();
    let said = fs::read_to_string(&errors).unwrap();
    // What a run says that waited for the database in vain, some seconds later.
    assert!(!said.contains("visits are lost"), "{said}");
    (code.unwrap(), said)
}

#[test]
fn a_second_signal_ends_a_run_at_once_and_its_lights_go_dark() {
    for gap_ms in [0, 300] {
        let gap = Duration::from_millis(gap_ms);
        let (code, said) = end_twice("", gap);
        assert_eq!(code, 1, "{said}");
        assert!(
            !said.contains("error: "),
            "a terminal needs no darkening: {said}"
        );
        // Without pins there are no lights; what cannot be made dark is named.
        let (code, said) = end_twice("outputs = [\"terminal\", \"led\"]\n", gap);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("error: led: GPIO "), "{said}");
    }
}

#[test]
fn a_selftest_tells_what_fails_and_what_does_not() {
    let state = tempfile::tempdir().unwrap();
    let selftest = |arguments: &[&str], config: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mien-device"))
            .args(["selftest", "--json", "--config", "config.toml"])
            .args(arguments)
            .current_dir(folder.path())
            .env("MIEN_STATE_DIR", state.path())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), report)
    };
    let find = |report: &Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|check| check["name"] == name)
            .unwrap()
            .clone()
    };
    let (_, report) = selftest(&[], "");
    for name in ["model", "faces", "source", "disk", "clock"] {
        assert_eq!(find(&report, name)["state"], "ok", "{report}");
    }
    assert!(
        find(&report, "source")["detail"]
            .as_str()
            .unwrap()
            .contains("640 x 480")
    );

    let (code, report) = selftest(
        &["--output", "led", "--source", "/does/not/exist"],
        "model = \"missing.postcard\"\n",
    );
    assert_eq!((code, &report["ok"]), (1, &false.into()));
    for name in ["model", "source", "output led"] {
        assert_eq!(find(&report, name)["state"], "failed", "{report}");
    }
    assert!(
        find(&report, "model")["detail"]
            .as_str()
            .unwrap()
            .contains("missing.postcard")
    );
}

#[cfg(unix)]
#[test]
fn variables_that_are_no_text_do_no_harm() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let no_text = OsStr::from_bytes(b"\xff\xfe");
    let check = |name: &OsStr| {
        Command::new(env!("CARGO_BIN_EXE_mien-device"))
            .args(["config", "check"])
            .env(name, no_text)
            .output()
            .unwrap()
    };
    assert!(check(OsStr::new("SOMETHING")).status.success());
    assert!(check(no_text).status.success());
    let ours = check(OsStr::new("MIEN_CONFIG_TRACKING__MEMORY_MS"));
    assert_eq!(ours.status.code(), Some(2), "named, not a panic");
}
