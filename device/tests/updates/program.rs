//! The built program: it installs while it runs, tries, confirms, rolls back and starts again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mien_models::ExpressionModel;
use mien_models::label::Labels;
use mien_models::procedural::test_model;
use mien_models::signature::PublicKey;
use serde_json::Value;
use tempfile::TempDir;

use crate::made::{expression, expression_like, owner, yunet};
use mien_device::update::store::Stored;

/// Most that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A device: a folder with its state, and the program that runs on it, if it does.
struct Device {
    folder: TempDir,
    trial_s: u32,
    run: Option<Child>,
}

impl Device {
    fn new(trial_s: u32) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            trial_s,
            run: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien-device"));
        let keys = format!("[\"{}\"]", PublicKey::of(&owner()));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("MIEN_STATE_DIR", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("xdg"))
            .env("MIEN_CONFIG_UPDATES__TRUSTED_KEYS", keys)
            .env("MIEN_CONFIG_UPDATES__TRIAL_S", self.trial_s.to_string())
            .env(
                "MIEN_CONFIG_UPDATES__PICKUP_FOLDERS",
                format!("['{}']", self.path("media").display()),
            )
            .env_remove("RUNTIME_DIRECTORY")
            .env_remove("RUST_LOG");
        command
    }

    fn write(&self, name: &str, stored: &Stored) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &stored.file).unwrap();
        if let Some(signature) = &stored.signature {
            fs::write(self.path(&format!("{name}.sig")), signature).unwrap();
        }
    }

    /// Begins to run on the demo's camera and waits until it answers.
    fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let child = self
            .command(&["run", "--source", "demo", "--record", "record.ndjson"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.run = Some(child);
        self.wait_for("an answer", |device| {
            device.status()["running"]
                .as_bool()
                .filter(|running| *running)
        });
    }

    fn signal(&mut self, name: &str) {
        let mut child = self.run.take().unwrap();
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
        child.wait().unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The JSON of a command and its exit code.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let code = output.status.code().unwrap();
        let value = serde_json::from_slice(&output.stdout);
        (
            code,
            value.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))),
        )
    }

    fn status(&self) -> Value {
        self.json(&["status"]).1
    }

    fn standing(&self) -> String {
        self.status()["expression"]["standing"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[track_caller]
    fn wait_for<T>(&self, what: &str, mut is_there: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = is_there(self) {
                return found;
            }
            let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "{what} never came\n{}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The labels of the newest recorded verdict.
    fn labels(&self) -> Option<Vec<String>> {
        let record = BufReader::new(File::open(self.path("record.ndjson")).ok()?);
        let lines: Vec<String> = record.lines().map_while(Result::ok).collect();
        let verdicts = lines.iter().rev().filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let probabilities = line["faces"][0]["probabilities"].as_object()?.clone();
            Some(probabilities.keys().cloned().collect())
        });
        verdicts.into_iter().next()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(child) = &mut self.run {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The test model with labels of its own.
fn smiling(version: u64) -> Stored {
    let names = ["a", "b", "c", "d", "smiling", "f", "g"];
    let model = ExpressionModel {
        labels: Labels::new(names).unwrap(),
        ..test_model()
    };
    expression_like(&model, version)
}

#[test]
fn a_model_is_switched_live_confirmed_and_rolled_back() {
    let mut device = Device::new(2);
    device.write("smiling.postcard", &smiling(9));
    device.start();
    assert_eq!(device.standing(), "factory");
    device.wait_for("a verdict", |device| {
        device
            .labels()
            .filter(|labels| labels.contains(&"happy".to_owned()))
    });

    let (code, dry) = device.json(&["install", "--dry-run", "smiling.postcard"]);
    assert_eq!((code, dry["dry_run"].as_bool()), (0, Some(true)));
    assert_eq!(device.standing(), "factory");

    let (code, installed) = device.json(&["install", "smiling.postcard"]);
    assert_eq!(
        (code, &installed["live"]),
        (0, &Value::Bool(true)),
        "{installed}"
    );
    assert_eq!(installed["models"][0]["version"], 9);
    assert_ne!(device.standing(), "factory");
    device.wait_for("a new verdict", |device| {
        device
            .labels()
            .filter(|labels| labels.contains(&"smiling".to_owned()))
    });
    device.wait_for("confirmation", |device| {
        (device.standing() == "confirmed").then_some(())
    });
    let status = device.status();
    assert_eq!(status["expression"]["floor"]["expression"], 9);
    assert_eq!(status["expression"]["active"], "a");

    let (code, again) = device.json(&["install", "smiling.postcard"]);
    assert_eq!(
        (code, &again["error"]["code"]),
        (1, &Value::from("version")),
        "{again}"
    );

    let (code, rolled_back) = device.json(&["rollback"]);
    assert_eq!(
        (code, &rolled_back["live"]),
        (0, &Value::Bool(true)),
        "{rolled_back}"
    );
    device.wait_for("the old verdicts", |device| {
        device
            .labels()
            .filter(|labels| labels.contains(&"happy".to_owned()))
    });
    assert_eq!(
        device.json(&["rollback"]).1["error"]["code"],
        "nothing_installed"
    );

    // Every frame that reached the record has its number, whatever judged it.
    device.signal("-TERM");
    let record = fs::read_to_string(device.path("record.ndjson")).unwrap();
    let sequences: Vec<u64> = record
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["sequence"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]));
    let log = fs::read_to_string(device.path("log")).unwrap();
    assert!(!log.contains("fault in mien-device"), "{log}");
}

#[test]
fn installed_models_outlive_restarts() {
    let mut device = Device::new(3600);
    device.write("smiling.postcard", &smiling(9));
    device.write("yunet.postcard", &yunet(4));
    // With nobody running: at the next start.
    let (code, installed) = device.json(&["install", "smiling.postcard", "yunet.postcard"]);
    assert_eq!(
        (code, &installed["live"]),
        (0, &Value::Bool(false)),
        "{installed}"
    );
    let status = device.status();
    assert_eq!(status["running"], false);
    assert_eq!(status["expression"]["trial"]["starts"], 0);
    assert_eq!(status["detector"]["slots"]["a"]["kind"], "yunet");
    // Whoever is told to end has not crashed.
    for _ in 0..4 {
        device.start();
        let status = device.status();
        assert_eq!(status["expression"]["standing"], "trial");
        assert_eq!(status["expression"]["trial"]["starts"], 1);
        device.signal("-TERM");
    }
    // Commands that watch nobody still have the program's own, `selftest` what would run.
    let selftest = device.run(&["selftest", "--source", "demo", "--json"]);
    let checks: Value = serde_json::from_slice(&selftest.stdout).unwrap();
    let model = checks["checks"][0]["detail"].as_str().unwrap();
    assert!(model.starts_with("test: 7 labels"), "{model}");
    // Undone together, as they came.
    let (_, rolled_back) = device.json(&["rollback"]);
    assert_eq!(
        rolled_back["roles"],
        serde_json::json!(["expression", "detector"])
    );
    assert_eq!(device.standing(), "factory");
}

#[test]
fn a_crash_loop_is_seen_over_restarts_and_ends() {
    let mut device = Device::new(3600);
    device.write("smiling.postcard", &smiling(9));
    device.start();
    assert_eq!(device.json(&["install", "smiling.postcard"]).0, 0);
    for starts in 1..=3 {
        assert_eq!(device.status()["expression"]["trial"]["starts"], starts);
        device.signal("-KILL");
        device.start();
    }
    let status = device.status();
    assert_eq!(status["expression"]["standing"], "factory");
    assert_eq!(status["expression"]["blocked"][0]["version"], 9);
    assert_eq!(status["expression"]["blocked"][0]["fault"], "crash_loop");
    let (code, again) = device.json(&["install", "smiling.postcard"]);
    assert_eq!(
        (code, &again["error"]["code"]),
        (1, &Value::from("blocked"))
    );
    device.wait_for("a verdict", |device| {
        device
            .labels()
            .filter(|labels| labels.contains(&"happy".to_owned()))
    });
}

/// Neither a missing display nor a model that does not even run is the installed model's fault.
#[test]
fn other_faults_do_not_count_as_crashes() {
    let device = Device::new(3600);
    device.write("smiling.postcard", &smiling(9));
    assert_eq!(device.json(&["install", "smiling.postcard"]).0, 0);
    for _ in 0..5 {
        let output = device.run(&["run", "--source", "demo", "--output", "display"]);
        assert_eq!(output.status.code(), Some(3));
    }
    let mut named = device.command(&["run", "--source", "demo"]);
    named.env("MIEN_CONFIG_MODEL", device.path("smiling.postcard"));
    for _ in 0..5 {
        let mut child = named.stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let status = device.status();
    assert_eq!(status["expression"]["standing"], "trial");
    assert_eq!(status["expression"]["trial"]["starts"], 0);
}

#[test]
fn two_at_once_are_one_after_the_other() {
    let mut device = Device::new(3600);
    device.write("8.postcard", &smiling(8));
    device.write("9.postcard", &smiling(9));
    device.start();
    let outcomes = thread::scope(|scope| {
        let device = &device;
        ["8.postcard", "9.postcard"]
            .map(|name| scope.spawn(move || device.json(&["install", name])))
            .map(|outcome| outcome.join().unwrap())
    });
    let mut codes = outcomes.clone().map(|(code, _)| code);
    codes.sort();
    assert_eq!(codes, [0, 1]);
    let refused = outcomes.iter().find(|(code, _)| *code == 1).unwrap();
    assert_eq!(refused.1["error"]["code"], "on_trial");
}

#[test]
fn nonsense_at_the_socket_ends_nothing() {
    let mut device = Device::new(3600);
    device.start();
    let socket = device.path("state/control");
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = BufReader::new(&stream).read_line(&mut answer);
        answer
    };
    assert!(say(b"").contains("\"request\""));
    assert!(say(b"nonsense\n").contains("cannot be read"));
    assert!(say(&[b'x'; 100_000]).contains("too long") || cfg!(target_os = "macos"));
    let huge = br#"{"install":{"files":[{"file":99999999999,"signature":null}],"force":true,"dry_run":false}}"#;
    assert!(say(&[&huge[..], b"\n"].concat()).contains("\"too_large\""));
    let short =
        br#"{"install":{"files":[{"file":500,"signature":96}],"force":true,"dry_run":false}}"#;
    assert!(say(&[&short[..], b"\nMIENPACK"].concat()).contains("\"request\""));
    let unsigned =
        br#"{"install":{"files":[{"file":8,"signature":null}],"force":true,"dry_run":false}}"#;
    assert!(say(&[&unsigned[..], b"\nMIENPACK"].concat()).contains("\"unsigned\""));
    assert_eq!(device.standing(), "factory");
    // Whoever says nothing keeps nobody from ending.
    let silent = UnixStream::connect(&socket).unwrap();
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let mode = fs::metadata(&socket).unwrap();
    device.signal("-TERM");
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    drop(silent);
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
        0o660
    );
}

#[test]
fn files_that_are_none_are_refused_before_they_are_sent() {
    let device = Device::new(3600);
    device.write("real.postcard", &smiling(9));
    std::os::unix::fs::symlink(device.path("real.postcard"), device.path("link.postcard")).unwrap();
    for (file, said) in [
        ("link.postcard", "symbolic link"),
        ("/dev/zero", "not a regular file"),
        (".", "not a regular file"),
        ("nowhere", "No such file"),
    ] {
        let output = device.run(&["install", file]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        assert!(message.contains(said), "{message}");
    }
    // Without the owner's key in the configuration.
    let mut stranger = device.command(&["install", "real.postcard", "--json"]);
    stranger.env_remove("MIEN_CONFIG_UPDATES__TRUSTED_KEYS");
    let output = stranger.output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["code"], "signature");
    // Where the configuration names the model, an installed one would not run.
    let mut named = device.command(&["install", "real.postcard", "--json"]);
    named.env("MIEN_CONFIG_MODEL", device.path("real.postcard"));
    let answer: Value = serde_json::from_slice(&named.output().unwrap().stdout).unwrap();
    assert_eq!(answer["error"]["code"], "named_elsewhere");
    // Where lights are an output, each label needs one.
    let mut lights = device.command(&["install", "real.postcard", "--json"]);
    lights.env("MIEN_CONFIG_OUTPUTS", "[\"led\"]");
    let answer: Value = serde_json::from_slice(&lights.output().unwrap().stdout).unwrap();
    assert_eq!(answer["error"]["code"], "no_output");
    assert!(!device.path("state/slots/record.json").exists());
}

#[test]
fn models_on_a_stick_are_picked_up_at_start() {
    let mut device = Device::new(3600);
    device.write("media/stick/mien/old.postcard", &expression(1));
    device.write("media/stick/mien/new.postcard", &smiling(9));
    let unsigned = Stored {
        signature: None,
        ..smiling(99)
    };
    device.write("media/stick/mien/nobodys.postcard", &unsigned);
    device.write("state/incoming/yunet.postcard", &yunet(5));
    device.start();
    let status = device.status();
    assert_eq!(status["expression"]["slots"]["a"]["version"], 9);
    assert_eq!(status["expression"]["trial"]["starts"], 1);
    assert_eq!(status["detector"]["slots"]["a"]["version"], 5);
    let is_empty = |folder: &Path| fs::read_dir(folder).unwrap().next().is_none();
    assert!(is_empty(&device.path("state/incoming")));
    assert!(device.path("media/stick/mien/new.postcard").exists());
    let log = fs::read_to_string(device.path("log")).unwrap();
    assert!(log.contains("nobodys.postcard is not installed"), "{log}");
    // The stick stays: no second install.
    device.signal("-TERM");
    device.start();
    assert_eq!(device.status()["expression"]["active"], "a");
}

/// Needs root, to be somebody else for once.
#[test]
fn without_rights_the_way_to_get_them_is_told() {
    let mut device = Device::new(3600);
    device.write("smiling.postcard", &smiling(9));
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(device.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = env!("CARGO_BIN_EXE_mien-device");
    let as_nobody = |device: &Device| {
        let ours = device.command(&[]);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command
            .args(["install", "smiling.postcard"])
            .current_dir(device.folder.path());
        let variables = ours
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command.envs(variables).output()
    };
    let is_possible = as_nobody(&device).is_ok_and(|output| output.status.code() == Some(3));
    if !is_possible {
        eprintln!("skipped: another user cannot be played here (needs root and setpriv)");
        return;
    }
    let said = |device: &Device| {
        let output = as_nobody(device).unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = said(&device);
    assert!(
        message.contains("sudo mien-device install smiling.postcard"),
        "{message}"
    );
    device.start();
    let message = said(&device);
    assert!(message.contains("sudo usermod -aG mien"), "{message}");
}
