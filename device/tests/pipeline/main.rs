//! The stages on their threads: order, ends, losses, errors.

mod less;
mod made;
mod switch;

use mien_device::capture::demo::DemoCamera;
use mien_device::classify::Classifier;
use mien_device::output::record::Record;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::{self, Control, Options, PipelineError};
use mien_models::procedural::test_model;
use std::sync::Arc;
use std::time::{Duration, Instant};

use made::{Grays, Middle, Seen, WAIT, run, seven_grays};

#[test]
fn all_seven_labels_come_through_every_stage_and_output() {
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    let mut text = Vec::new();
    let mut lines = Vec::new();
    let mut seen = Seen::default();
    let mut terminal = Terminal::new(&mut text, Look::Lines, "test", &model.labels, Some(7));
    let mut record = Record::new(&mut lines, "middle", &model.labels);
    let totals = pipeline::run(
        &mut Grays::new(&seven_grays(), 7),
        &mut Middle::default(),
        &mut classifier,
        &mut [&mut terminal, &mut record, &mut seen],
        &WAIT,
        &Control::default(),
    )
    .unwrap();

    assert_eq!(seen.labels, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (totals.frames, totals.frames_with_face, totals.faces),
        (7, 7, 7)
    );
    assert!(totals.expressions.iter().all(|(_, &count)| count == 1));
    assert_eq!(seen.totals.as_ref(), Some(&totals));

    let records: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    for (index, name) in model.labels.iter().enumerate() {
        assert_eq!(records[index]["sequence"], index);
        assert_eq!(records[index]["faces"][0]["expression"], name);
        let probabilities = records[index]["faces"][0]["probabilities"]
            .as_object()
            .unwrap();
        let sum: f64 = probabilities
            .values()
            .filter_map(|value| value.as_f64())
            .sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("frame 1: #1 angry "), "{text}");
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["frames"], 7);
}

#[test]
fn a_waiting_run_shows_every_frame_in_order() {
    let mut seen = Seen::default();
    let mut slow = Middle {
        delay: Duration::from_millis(1),
        ..Middle::default()
    };
    let options = Options {
        frames: Some(40),
        ..WAIT
    };
    let mut source = Grays::new(&[0, 99, 255], u64::MAX);
    let totals = run(
        &mut source,
        &mut slow,
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    assert_eq!(seen.sequences, (0..40).collect::<Vec<_>>());
    assert_eq!(
        (totals.frames, totals.frames_with_face, totals.faces),
        (40, 26, 39)
    );
    assert_eq!(seen.widths[2], [40.0, 10.0], "largest face first");
    assert_eq!(
        source.next, 40,
        "no frame was asked for that was not wanted"
    );
}

#[test]
fn a_live_run_drops_frames_and_counts_them() {
    let mut seen = Seen::default();
    let mut slow = Middle {
        delay: Duration::from_millis(20),
        ..Middle::default()
    };
    let options = Options {
        overflow: Overflow::DropOldest,
        ..WAIT
    };
    let mut source = Grays::new(&[99], 300);
    let totals = run(
        &mut source,
        &mut slow,
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    let dropped = totals.dropped.detect + totals.dropped.classify + totals.dropped.output;
    assert!(totals.dropped.detect > 200, "{totals:?}");
    assert_eq!(totals.frames + dropped, 300);
    assert!(seen.sequences.is_sorted());
    assert_eq!(
        seen.sequences.last(),
        Some(&299),
        "the newest frame is never the one dropped"
    );
}

#[test]
fn real_time_keeps_the_source_s_pace() {
    let start = Instant::now();
    let options = Options {
        frames: Some(6),
        real_time: true,
        ..WAIT
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let mut seen = Seen::default();
    run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn stopping_ends_an_endless_run() {
    let control = Control::default();
    let mut seen = Seen {
        stop_at: Some((5, Arc::clone(&control.stop))),
        ..Seen::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let totals = run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        WAIT,
        &control,
    )
    .unwrap();
    assert!(totals.frames >= 6);
    assert_eq!(
        totals.frames,
        seen.sequences.len() as u64,
        "what was begun is shown"
    );
}

#[test]
fn an_error_in_a_stage_ends_the_run_with_its_cause() {
    let mut failing = Middle {
        fails_at: Some(4),
        ..Middle::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let mut seen = Seen::default();
    let error = run(
        &mut source,
        &mut failing,
        &mut seen,
        WAIT,
        &Control::default(),
    )
    .unwrap_err();
    assert!(matches!(error, PipelineError::Detect(_)), "{error}");

    let mut seen = Seen {
        breaks_at: Some(3),
        ..Seen::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let error = run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        WAIT,
        &Control::default(),
    );
    assert!(matches!(error, Err(PipelineError::Output(_))), "{error:?}");
}

#[test]
#[should_panic(expected = "a fault in a stage")]
fn a_panic_in_a_stage_reaches_the_caller() {
    let mut faulty = Middle {
        panics_at: Some(3),
        ..Middle::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let _ = run(
        &mut source,
        &mut faulty,
        &mut Seen::default(),
        WAIT,
        &Control::default(),
    );
}

#[test]
fn the_demo_gives_the_same_verdicts_twice() {
    let verdicts = || {
        let mut seen = Seen::default();
        let mut camera = DemoCamera::new(7).unwrap();
        let options = Options {
            frames: Some(12),
            ..WAIT
        };
        run(
            &mut camera,
            &mut Middle::default(),
            &mut seen,
            options,
            &Control::default(),
        )
        .unwrap();
        seen.labels
    };
    assert_eq!(verdicts(), verdicts());
}
