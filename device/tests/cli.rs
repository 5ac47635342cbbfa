//! The built program: JSON schemas, exit codes, bad input. The expression model is the test
//! model, whose verdict follows the brightness, so that nothing here depends on a training run.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::assert_json_snapshot;
use mien_device::assets;
use mien_models::procedural::{test_model, test_yunet};
use mien_models::signature::{PublicKey, Signature};
use mien_models::{SigningKey, container};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Signs what these tests run.
fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// The configuration's list of its public half.
fn trusted_keys() -> String {
    format!("[\"{}\"]", PublicKey::of(&signing_key()))
}

/// A folder with a test model and pictures, in which the program runs.
struct Sandbox(TempDir);

impl Sandbox {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let model = test_model();
        let yunet = test_yunet();
        for (name, file) in [
            (
                "test.postcard",
                container::encode(&model, model.model_id(), 1).unwrap(),
            ),
            (
                "yunet.postcard",
                container::encode(&yunet, yunet.model_id(), 1).unwrap(),
            ),
        ] {
            let signature = Signature::sign(&signing_key(), &file).unwrap();
            write(name, &file);
            write(&format!("{name}.sig"), &signature.to_bytes());
        }
        write("astronaut.jpg", assets::PORTRAITS[0].jpeg);
        write("coffee.jpg", assets::NO_FACE);
        write("empty.jpg", b"");
        write("text.png", b"not a picture");
        write("cut.jpg", &assets::PORTRAITS[1].jpeg[..30_000]);
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien-device"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("XDG_CONFIG_HOME", self.path("xdg"))
            .env("MIEN_STATE_DIR", self.path("state"))
            .env("MIEN_CONFIG_UPDATES__TRUSTED_KEYS", trusted_keys())
            .env_remove("RUST_LOG");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().unwrap())
    }
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Takes out what differs from run to run: times become "[ms]", and floats lose the digits that
/// depend on the CPU.
fn stable(mut value: Value) -> Value {
    fn walk(value: &mut Value, is_time: bool) {
        match value {
            Value::Object(entries) => entries.iter_mut().for_each(|(key, value)| {
                walk(
                    value,
                    is_time || key.ends_with("_ms") && key != "timestamp_ms",
                );
            }),
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, is_time)),
            Value::Number(_) if is_time => *value = json!("[ms]"),
            Value::Number(number) if number.is_f64() => {
                *value = json!((number.as_f64().unwrap() * 100.0).round() / 100.0);
            }
            _ => {}
        }
    }
    walk(&mut value, false);
    value
}

#[test]
fn detect_json_schema() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[
        "detect",
        "--json",
        "astronaut.jpg",
        "coffee.jpg",
        "empty.jpg",
    ]);
    assert_json_snapshot!("detect", stable(ran.expect(1).json()));
}

#[test]
fn analyze_json_schema() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[
        "analyze",
        "--model",
        "test.postcard",
        "--json",
        "astronaut.jpg",
        "text.png",
        "coffee.jpg",
        "missing.jpg",
        "cut.jpg",
    ]);
    let json = ran.expect(1).json();
    let probabilities = json[0]["faces"][0]["probabilities"].as_object().unwrap();
    let sum: f64 = probabilities.values().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() <= 1e-4, "{sum}");
    assert_json_snapshot!("analyze", stable(json));
}

#[test]
fn run_totals_schema() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .run(&[
            "run",
            "--source",
            "demo",
            "--frames",
            "12",
            "--model",
            "test.postcard",
            "--record",
            "r.jsonl",
        ])
        .expect(0);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["frames"], 12);
    assert_eq!(
        last["dropped"],
        json!({"detect": 0, "classify": 0, "output": 0})
    );
    assert_json_snapshot!("run_totals", stable(last));
    let record = fs::read_to_string(sandbox.path("r.jsonl")).unwrap();
    assert_eq!(record.lines().count(), 12);
    let first: Value = serde_json::from_str(record.lines().next().unwrap()).unwrap();
    assert_json_snapshot!("run_record", stable(first));
    assert!(!ran.stdout.contains('\x1b'), "no escape codes in a pipe");
}

#[test]
fn every_bad_file_has_its_kind_and_stops_no_other() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("hollow")).unwrap();
    fs::write(
        sandbox.path("anim.gif"),
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    )
    .unwrap();
    let huge = include_bytes!("fixtures/20000x20000.png");
    fs::write(sandbox.path("huge.png"), huge).unwrap();
    let one = image::GrayImage::from_pixel(1, 1, image::Luma([90]));
    one.save(sandbox.path("one.png")).unwrap();
    let inputs = [
        ("missing.jpg", "not_found"),
        ("empty.jpg", "empty"),
        ("text.png", "not_a_picture"),
        ("anim.gif", "unsupported"),
        ("cut.jpg", "truncated"),
        ("huge.png", "too_large"),
        ("hollow", "no_pictures"),
        ("one.png", ""),
        ("astronaut.jpg", ""),
    ];
    for command in ["detect", "analyze"] {
        let mut arguments = vec![command, "--json"];
        arguments.extend(
            ["--model", "test.postcard"]
                .iter()
                .take(2 * usize::from(command == "analyze")),
        );
        arguments.extend(inputs.map(|(name, _)| name));
        let json = sandbox.run(&arguments).expect(1).json();
        assert_eq!(json.as_array().unwrap().len(), inputs.len());
        for (report, (name, kind)) in json.as_array().unwrap().iter().zip(inputs) {
            assert_eq!(report["path"], name);
            assert_eq!(
                report["error"]["kind"].as_str().unwrap_or_default(),
                kind,
                "{report}"
            );
        }
        assert_eq!(
            json[7]["faces"],
            json!([]),
            "1x1 is a picture without a face"
        );
        assert_eq!(json[8]["faces"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn no_face_is_no_error_for_pictures() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .run(&["analyze", "coffee.jpg", "--model", "test.postcard"])
        .expect(0);
    assert!(ran.stdout.contains("no face"), "{}", ran.stdout);
    sandbox.run(&["detect", "coffee.jpg"]).expect(0);
}

#[test]
fn a_run_without_a_face_fails() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .run(&["run", "--source", "coffee.jpg", "--model", "test.postcard"])
        .expect(1);
    assert!(
        ran.stdout
            .lines()
            .last()
            .unwrap()
            .starts_with("{\"frames\":1,"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("no face"), "{}", ran.stderr);
}

#[test]
fn a_folder_of_pictures_is_a_source() {
    let sandbox = Sandbox::new();
    let count = |arguments: &[&str]| {
        let mut all = vec!["run", "--source", ".", "--model", "test.postcard"];
        all.extend(arguments);
        let ran = sandbox.run(&all).expect(0);
        let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
        (last["frames"].as_u64().unwrap(), ran.stderr)
    };
    let (frames, stderr) = count(&[]);
    assert_eq!(frames, 2, "astronaut and coffee");
    assert_eq!(stderr.matches("skipped").count(), 3, "{stderr}");
    let (frames, stderr) = count(&["--frames", "5"]);
    assert_eq!(frames, 5, "again from the start");
    assert_eq!(stderr.matches("skipped").count(), 3, "once each: {stderr}");
}

/// Runs `run --source -` with `video` on standard input.
fn run_video(sandbox: &Sandbox, video: Vec<u8>) -> Ran {
    let mut child = sandbox
        .command(&["run", "--source", "-", "--model", "test.postcard"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&video));
    let ran = Ran::new(child.wait_with_output().unwrap());
    // A program that refuses the video closes the pipe before all of it is written.
    let _ = writer.join().unwrap();
    ran
}

#[test]
fn video_on_standard_input_is_a_source() {
    let sandbox = Sandbox::new();
    let picture = mien_device::capture::picture::load(
        &sandbox.path("astronaut.jpg"),
        mien_device::capture::picture::Color::Drop,
    )
    .unwrap();
    let mut video = format!(
        "YUV4MPEG2 W{} H{} F25:1 Cmono\n",
        picture.width, picture.height
    )
    .into_bytes();
    for _ in 0..3 {
        video.extend(b"FRAME\n");
        video.extend(&picture.gray);
    }
    let ran = run_video(&sandbox, video).expect(0);
    let totals: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&totals["frames"], &totals["faces"]),
        (&json!(3), &json!(3))
    );

    let ran = run_video(&sandbox, b"RIFF and so on\n".to_vec()).expect(3);
    assert!(ran.stderr.contains("not YUV4MPEG2"), "{}", ran.stderr);
}

#[test]
fn wrong_usage_and_configuration_exit_2() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("typo.toml"), "modell = \"x\"").unwrap();
    for arguments in [
        &["analyze"][..],
        &["analyse", "astronaut.jpg"],
        &["run", "--frames", "0"],
        &["detect", "astronaut.jpg", "--scale-factor", "1.0"],
        &["detect", "astronaut.jpg", "--min-size", "-3"],
        &["detect", "astronaut.jpg", "--config", "typo.toml"],
        &["detect", "astronaut.jpg", "--config", "missing.toml"],
        &[
            "analyze",
            "astronaut.jpg",
            "--model",
            "test.postcard",
            "--annotate",
            "out.gif",
        ],
    ] {
        let ran = sandbox.run(arguments).expect(2);
        assert!(
            ran.stdout.is_empty() && ran.stderr.contains("error: "),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn unusable_models_and_sources_exit_3() {
    let sandbox = Sandbox::new();
    let mut damaged = fs::read(sandbox.path("test.postcard")).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(sandbox.path("damaged.postcard"), damaged).unwrap();
    for (arguments, says) in [
        (
            &["analyze", "astronaut.jpg", "--model", "missing.postcard"][..],
            "missing.postcard",
        ),
        (
            &["analyze", "astronaut.jpg", "--model", "damaged.postcard"],
            "damaged",
        ),
        (
            &["analyze", "astronaut.jpg", "--model", "astronaut.jpg"],
            "MIENPACK",
        ),
        (
            &["detect", "astronaut.jpg", "--model", "test.postcard"],
            "expression",
        ),
        (
            &["run", "--source", "nowhere", "--model", "test.postcard"],
            "nowhere",
        ),
        (
            &["run", "--source", "empty.jpg", "--model", "test.postcard"],
            "empty",
        ),
    ] {
        let ran = sandbox.run(arguments).expect(3);
        assert!(
            ran.stderr.starts_with("error: ") || ran.stderr.contains("\nerror: "),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
    }
}

#[test]
fn the_configuration_names_models_and_the_command_line_wins() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("xdg/mien")).unwrap();
    let write = |text: &str| fs::write(sandbox.path("xdg/mien/config.toml"), text).unwrap();
    write("model = \"../../test.postcard\"\n");
    sandbox.run(&["analyze", "astronaut.jpg"]).expect(0);
    write("model = \"nothing.postcard\"\n");
    let ran = sandbox.run(&["analyze", "astronaut.jpg"]).expect(3);
    assert!(ran.stderr.contains("nothing.postcard"), "{}", ran.stderr);
    sandbox
        .run(&["analyze", "astronaut.jpg", "--model", "test.postcard"])
        .expect(0);
    write("detector = \"nothing.postcard\"\n");
    sandbox.run(&["detect", "astronaut.jpg"]).expect(3);
}

#[test]
fn annotated_pictures_are_written_where_told() {
    let sandbox = Sandbox::new();
    let annotate = |paths: &[&str], out: &str, code: i32| {
        let mut arguments = vec!["analyze", "--model", "test.postcard", "--annotate", out];
        arguments.extend(paths);
        sandbox.run(&arguments).expect(code)
    };
    let size = |name: &str| image::image_dimensions(sandbox.path(name)).unwrap();
    annotate(&["astronaut.jpg"], "one.png", 0);
    annotate(&["astronaut.jpg"], "one.jpg", 0);
    assert_eq!((size("one.png"), size("one.jpg")), ((512, 512), (512, 512)));
    annotate(
        &["astronaut.jpg", "coffee.jpg", "./coffee.jpg", "empty.jpg"],
        "out",
        1,
    );
    assert_eq!(size("out/astronaut.png"), (512, 512));
    assert_eq!(
        (size("out/coffee.png"), size("out/coffee-2.png")),
        ((600, 400), (600, 400))
    );
    assert!(!sandbox.path("out/empty.png").exists());

    let drawn = image::open(sandbox.path("one.png")).unwrap().into_rgb8();
    let plain = image::open(sandbox.path("astronaut.jpg"))
        .unwrap()
        .into_rgb8();
    let changed = drawn
        .pixels()
        .zip(plain.pixels())
        .filter(|(a, b)| a != b)
        .count();
    assert!(
        (2_000..120_000).contains(&changed),
        "{changed} pixels drawn over"
    );

    let before = fs::read(sandbox.path("astronaut.jpg")).unwrap();
    let ran = annotate(&["astronaut.jpg"], "astronaut.jpg", 1);
    assert!(ran.stderr.contains("is an input"), "{}", ran.stderr);
    assert_eq!(
        fs::read(sandbox.path("astronaut.jpg")).unwrap(),
        before,
        "inputs stay as they are"
    );
}

#[test]
fn options_reach_the_detector() {
    let sandbox = Sandbox::new();
    let faces = |arguments: &[&str]| {
        let mut all = vec!["detect", "--json", "astronaut.jpg"];
        all.extend(arguments);
        sandbox.run(&all).expect(0).json()[0]["faces"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(faces(&[]), 1);
    assert_eq!(faces(&["--min-size", "400"]), 0);
    assert_eq!(faces(&["--min-neighbors", "1000"]), 0);
    assert!(faces(&["--min-neighbors", "0"]) > 10, "ungrouped hits");
    assert_eq!(faces(&["--scale-factor", "1.3", "--equalize"]), 1);

    let plain = faces(&["--min-neighbors", "0"]);
    let equalized = faces(&["--min-neighbors", "0", "--equalize"]);
    assert_ne!(plain, equalized);
    fs::write(sandbox.path("equal.toml"), "detector_equalize = true").unwrap();
    let configured = faces(&["--min-neighbors", "0", "--config", "equal.toml"]);
    assert_eq!(configured, equalized);
}

/// A white dot in black, which the test detector takes for a face, at half the size as well.
fn write_dot(sandbox: &Sandbox) {
    let mut picture = image::GrayImage::new(96, 128);
    for (x, y) in [(40, 72), (41, 72), (40, 73), (41, 73)] {
        picture.put_pixel(x, y, image::Luma([255]));
    }
    picture.save(sandbox.path("dot.png")).unwrap();
}

#[test]
fn run_takes_signed_models_and_other_commands_any() {
    let sandbox = Sandbox::new();
    let run = ["run", "--frames", "2", "--model", "test.postcard"];
    let analyze = ["analyze", "astronaut.jpg", "--model", "test.postcard"];
    assert_eq!(sandbox.run(&run).expect(0).stderr, "");
    assert_eq!(sandbox.run(&analyze).expect(0).stderr, "");

    let mut others = sandbox.command(&run);
    others.env_remove("MIEN_CONFIG_UPDATES__TRUSTED_KEYS");
    let ran = Ran::new(others.output().unwrap()).expect(3);
    assert!(
        ran.stderr.contains("which is not trusted"),
        "{}",
        ran.stderr
    );

    fs::remove_file(sandbox.path("test.postcard.sig")).unwrap();
    let ran = sandbox.run(&run).expect(3);
    let said = &ran.stderr;
    assert!(
        said.contains("it is not signed") && said.contains("`mien sign`"),
        "{said}"
    );
    let ran = sandbox.run(&analyze).expect(0);
    assert!(
        ran.stderr.contains("test.postcard is unsigned"),
        "{}",
        ran.stderr
    );
    let mut lax = sandbox.command(&run);
    lax.env("MIEN_CONFIG_UPDATES__ALLOW_UNSIGNED", "true");
    let ran = Ran::new(lax.output().unwrap()).expect(0);
    assert!(
        ran.stderr.contains("test.postcard is unsigned"),
        "{}",
        ran.stderr
    );

    // One of the repository's own models needs none, wherever it lies.
    fs::write(
        sandbox.path("own.postcard"),
        mien_models::embedded::EXPRESSION,
    )
    .unwrap();
    let own = ["run", "--frames", "2", "--model", "own.postcard"];
    assert_eq!(sandbox.run(&own).expect(0).stderr, "");
    let selected = ["selftest", "--source", "astronaut.jpg", "--json"];
    let mut selftest = sandbox.command(&selected);
    selftest.env("MIEN_CONFIG_MODEL", sandbox.path("test.postcard"));
    let ran = Ran::new(selftest.output().unwrap()).expect(1);
    assert!(ran.stdout.contains("it is not signed"), "{}", ran.stdout);
}

#[test]
fn the_detector_file_s_kind_chooses_the_detector() {
    let sandbox = Sandbox::new();
    write_dot(&sandbox);
    let detect = [
        "detect",
        "dot.png",
        "--json",
        "--detector",
        "yunet.postcard",
    ];
    let report = sandbox.run(&detect).expect(0).json();
    let faces = report[0]["faces"].as_array().unwrap();
    assert_eq!(faces.len(), 1, "{report}");
    assert_eq!(faces[0]["detector"], "yunet");
    assert!((faces[0]["box"]["x"].as_f64().unwrap() - 32.0).abs() < 0.01);

    fs::create_dir_all(sandbox.path("xdg/mien")).unwrap();
    let config = "detector = \"../../yunet.postcard\"\ndetector_input_px = [64, 64]\n";
    fs::write(sandbox.path("xdg/mien/config.toml"), config).unwrap();
    let analyze = ["analyze", "dot.png", "--json", "--model", "test.postcard"];
    let report = sandbox.run(&analyze).expect(0).json();
    assert_eq!(report[0]["faces"][0]["detector"], "yunet", "{report}");
    let wide = sandbox
        .run(&["detect", "dot.png", "--input-size", "4096x64"])
        .expect(2);
    assert!(wide.stderr.contains("4096x64"), "{}", wide.stderr);
}

#[test]
fn models_and_options_of_the_other_kind_are_named() {
    let sandbox = Sandbox::new();
    write_dot(&sandbox);
    let message = |arguments: &[&str], code: i32| sandbox.run(arguments).expect(code).stderr;
    let text = message(&["detect", "dot.png", "--detector", "test.postcard"], 3);
    assert!(
        text.contains("holds an expression model, neither a cascade nor a YuNet detector"),
        "{text}"
    );
    let text = message(&["analyze", "dot.png", "--model", "yunet.postcard"], 3);
    assert!(text.contains("YuNet detector"), "{text}");
    let text = message(&["detect", "dot.png", "--min-score", "0.5"], 2);
    assert!(
        text.contains("--min-score is for YuNet detectors"),
        "{text}"
    );
    let yunet = [
        "detect",
        "dot.png",
        "--detector",
        "yunet.postcard",
        "--equalize",
    ];
    let text = message(&yunet, 2);
    assert!(text.contains("--equalize is for cascades"), "{text}");
    let text = message(&["detect", "dot.png", "--input-size", "320"], 2);
    assert!(text.contains("such as 320x240"), "{text}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(&["run", "--frames", "100000", "--model", "test.postcard"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::new(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(ran.stderr, "");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_an_endless_run_with_totals() {
    use std::io::{BufRead, BufReader};
    let sandbox = Sandbox::new();
    let mut child = sandbox
        .command(&["run", "--model", "test.postcard"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("frame 1: "));
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let last = lines.last().unwrap().unwrap();
    let totals: Value = serde_json::from_str(&last).unwrap();
    assert!(totals["frames"].as_u64().unwrap() >= 1);
    assert!(child.wait().unwrap().success());
}

#[test]
fn help_names_every_command() {
    let ran = Sandbox::new().run(&["--help"]).expect(0);
    for command in ["run", "detect", "analyze"] {
        assert!(ran.stdout.contains(command));
    }
    assert!(Path::new(env!("CARGO_BIN_EXE_mien-device")).exists());
}

#[test]
fn models_are_in_the_program() {
    let sandbox = Sandbox::new();
    let json = sandbox
        .run(&["analyze", "--json", "astronaut.jpg"])
        .expect(0)
        .json();
    let face = &json[0]["faces"][0];
    assert!(face["probabilities"][face["expression"].as_str().unwrap()].is_number());
    sandbox.run(&["run", "--frames", "5"]).expect(0);
}
