//! What people see on a terminal.

use std::time::Duration;

use anstream::adapter::strip_str;
use mien_device::capture::Frame;
use mien_device::classify::Verdict;
use mien_device::detect::Detection;
use mien_device::output::Output;
use mien_device::output::palette::Depth;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::stages::{Judged, JudgedFace};
use mien_models::label::Labels;

fn judged(sequence: u64, winners: &[usize]) -> Judged {
    let face = |&winner: &usize| {
        let probabilities = (0..7)
            .map(|label| if label == winner { 0.7 } else { 0.05 })
            .collect();
        JudgedFace {
            detection: Detection {
                x: 0.0,
                y: 0.0,
                width: 9.0,
                height: 9.0,
                score: 1.0,
                landmarks: None,
            },
            verdict: Verdict {
                label_index: winner,
                probabilities,
                logits: Default::default(),
            },
        }
    };
    Judged {
        frame: Frame {
            pixels: vec![0; 4],
            width: 2,
            height: 2,
            sequence,
            timestamp_ms: sequence * 400,
        },
        faces: winners.iter().map(face).collect(),
        detect_time: Duration::ZERO,
        classify_time: Duration::ZERO,
    }
}

fn show(look: Look, frames: &[Judged]) -> String {
    let mut text = Vec::new();
    let length = Some(frames.len() as u64);
    let mut terminal = Terminal::new(&mut text, look, "demo · test", &Labels::fer2013(), length);
    for judged in frames {
        terminal.show(judged).unwrap();
    }
    drop(terminal);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_panel_shows_led_bars_and_verdict() {
    let look = Look::Panel(Depth::Xterm256);
    insta::assert_snapshot!(
        "panel_two_faces",
        strip_str(&show(look, &[judged(0, &[3, 6])]))
    );
    insta::assert_snapshot!("panel_no_face", strip_str(&show(look, &[judged(0, &[])])));
}

#[test]
fn the_panel_is_drawn_over_itself_and_fits_eighty_columns() {
    // The last frame of a run is always drawn.
    let text = show(
        Look::Panel(Depth::True),
        &[judged(0, &[3]), judged(1, &[0, 1, 2])],
    );
    let (first, second) = text.split_once("\r\x1b[").unwrap();
    let lines = first.matches('\n').count();
    assert!(second.starts_with(&format!("{lines}A")), "{second:?}");
    assert_eq!(second.matches('\n').count(), lines);
    assert!(
        first.contains("\x1b[38;2;240;228;66m●"),
        "happy's LED in happy's colour: {first:?}"
    );
    for line in strip_str(first).to_string().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn lines_come_once_a_second_of_the_source() {
    let faces = [&[0, 3][..], &[1], &[2], &[], &[4], &[5], &[6]];
    let frames: Vec<_> = (0..)
        .zip(faces)
        .map(|(n, winners)| judged(n, winners))
        .collect();
    insta::assert_snapshot!("lines", show(Look::Lines, &frames));
}
