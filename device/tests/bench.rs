//! `mien-device bench`: what is counted, as a library and as a program.

use std::process::Command;

use mien_device::bench::{self, BenchError, FRAMES, Options};
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::slideshow::Slideshow;
use mien_device::classify::Classifier;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::progress::Progress;
use mien_device::smooth::SmoothingOptions;
use mien_device::track::TrackingOptions;
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::decode;
use mien_models::embedded;
use mien_models::procedural::test_model;
use serde_json::Value;

fn detector() -> CascadeDetector {
    let (_, model) = decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    let options = CascadeOptions {
        scale_factor: 1.2,
        min_size_px: 80,
        ..CascadeOptions::default()
    };
    CascadeDetector::new(&model, options).unwrap()
}

fn options(frames: u64, warmup_frames: u64) -> Options {
    Options {
        frames,
        warmup_frames,
        tracking: TrackingOptions::default(),
        smoothing: SmoothingOptions::default(),
    }
}

#[test]
fn both_passes_see_the_same_frames_and_faces() {
    let task = Progress::Silent.start("bench", 0, FRAMES);
    let mut classifier = Classifier::new(&test_model()).unwrap();
    let options = options(14, 2);
    let mut one = || {
        let mut camera = DemoCamera::new(1).unwrap();
        bench::one_thread(
            &mut camera,
            &mut detector(),
            &mut classifier,
            &options,
            &task,
        )
        .unwrap()
    };
    let one = one();
    let mut camera = DemoCamera::new(1).unwrap();
    let all = bench::all_threads(
        &mut camera,
        &mut detector(),
        &mut classifier,
        &options,
        &task,
    )
    .unwrap();
    for pass in [&one, &all] {
        assert_eq!((pass.frames, pass.faces), (14, 14));
        assert_eq!(pass.stages.capture.unwrap().runs, 14);
        // The first frame is looked at and not timed; after it every sixth.
        assert_eq!(pass.stages.detect.unwrap().runs, 2);
        assert_eq!(pass.stages.track.unwrap().runs, 14);
        assert_eq!(pass.stages.classify.unwrap().runs, 14);
        assert!(pass.frame.p99_ms >= pass.frame.median_ms && pass.frame.median_ms > 0.0);
        assert!(pass.frames_per_s > 0.0);
    }
    assert_eq!((one.threads, all.threads), (1, 4));
    // On one thread a frame lasts as long as what is done to it.
    let median = |timing: Option<bench::Timing>| timing.unwrap().median_ms;
    assert!(one.frame.median_ms >= median(one.stages.capture) + median(one.stages.classify) / 2.0);
}

#[test]
fn a_source_that_ends_early_is_an_error_that_says_so() {
    let task = Progress::Silent.start("bench", 0, FRAMES);
    let mut classifier = Classifier::new(&test_model()).unwrap();
    let mut empty = Slideshow::new(Vec::new(), true);
    let error = bench::one_thread(
        &mut empty,
        &mut detector(),
        &mut classifier,
        &options(5, 1),
        &task,
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            BenchError::TooShort {
                frames: 0,
                warmup_frames: 1
            }
        ),
        "{error}"
    );
}

fn bench_command(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .arg("bench")
        .args(arguments)
        .current_dir(folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn json_holds_both_passes_the_machine_and_its_memory() {
    let (code, stdout, stderr) = bench_command(&["--frames", "12", "--warmup", "1", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["source"], "demo");
    assert_eq!(report["detector"], "haar");
    let (_, bundled) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    assert_eq!(report["model"], bundled.card.name);
    assert_eq!(report["warmup_frames"], 1);
    assert!(report["machine"]["threads"].as_u64().unwrap() >= 1);
    for pass in ["one_thread", "all_threads"] {
        assert_eq!(report[pass]["frames"], 12, "{stdout}");
        for stage in ["capture", "detect", "track", "classify", "smooth"] {
            let timing = &report[pass]["stages"][stage];
            assert!(timing["median_ms"].as_f64() <= timing["p99_ms"].as_f64());
            assert!(timing["runs"].as_u64().unwrap() >= 1, "{stage}: {stdout}");
        }
    }
    #[cfg(target_os = "linux")]
    // The program as a whole fits into 40 MB.
    let peak_bytes = report["peak_memory_bytes"].as_u64().unwrap();
    assert!((1 << 20..40_000_000).contains(&peak_bytes), "{peak_bytes}");
}

#[test]
fn the_table_names_every_stage() {
    let (code, stdout, _) = bench_command(&["--frames", "3", "--warmup", "0"]);
    assert_eq!(code, 0);
    for word in [
        "one thread:",
        "all threads:",
        "classify",
        "frames/s",
        "peak memory",
    ] {
        assert!(stdout.contains(word), "{word}: {stdout}");
    }
}

#[test]
fn a_pipe_cannot_be_read_twice() {
    let (code, _, stderr) = bench_command(&["--source", "-"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("twice") && stderr.contains("hint: "),
        "{stderr}"
    );
}
