//! What people see on a terminal.

#[path = "shared/judged.rs"]
mod judged;

use anstream::adapter::strip_str;
use mien_device::output::Output;
use mien_device::output::palette::Depth;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::stages::Judged;
use mien_models::label::Labels;

use judged::judged;

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
        strip_str(&show(look, &[judged(0, &[Some(3), Some(6)])]))
    );
    insta::assert_snapshot!(
        "panel_uncertain",
        strip_str(&show(look, &[judged(0, &[None])]))
    );
    insta::assert_snapshot!("panel_no_face", strip_str(&show(look, &[judged(0, &[])])));
}

#[test]
fn the_panel_is_drawn_over_itself_and_fits_eighty_columns() {
    // The last frame of a run is always drawn.
    let text = show(
        Look::Panel(Depth::True),
        &[
            judged(0, &[Some(3)]),
            judged(1, &[Some(0), Some(1), Some(2)]),
        ],
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
    let faces = [
        &[Some(0), Some(3), None][..],
        &[Some(1)],
        &[Some(2)],
        &[],
        &[Some(4)],
        &[Some(5)],
        &[Some(6)],
    ];
    let frames: Vec<_> = (0..)
        .zip(faces)
        .map(|(n, winners)| judged(n, winners))
        .collect();
    insta::assert_snapshot!("lines", show(Look::Lines, &frames));
}
