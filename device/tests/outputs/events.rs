//! The log of events.

use mien_device::output::Output;
use mien_device::output::events::Events;
use mien_models::label::Labels;
use serde_json::Value;

use crate::judged::judged;
use crate::{HAPPY, SAD, loss};

#[test]
fn only_changes_are_written() {
    let mut bytes = Vec::new();
    let mut events = Events::new(&mut bytes, &Labels::fer2013());
    let frames: [&[Option<usize>]; 7] = [
        &[],
        &[Some(HAPPY)],
        &[Some(HAPPY)],
        &[Some(HAPPY), None],
        &[Some(SAD), None],
        &[Some(SAD)],
        &[],
    ];
    for (sequence, faces) in (0..).zip(frames) {
        events.show(&judged(sequence, faces)).unwrap();
    }
    events.lost(&loss()).unwrap();
    events.lost(&loss()).unwrap();
    events.show(&judged(9, &[Some(HAPPY)])).unwrap();
    events.lost(&loss()).unwrap();
    drop(events);
    let lines: Vec<Value> = String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| {
            let track = line["track"]
                .as_u64()
                .map_or(String::new(), |id| format!(" {id}"));
            let expression = line.get("expression");
            let expression = expression.map_or(String::new(), |name| format!(" {name}"));
            format!("{}{track}{expression}", line["event"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "came 1 \"happy\"",
        "came 2 null",
        "changed 1 \"sad\"",
        "went 2",
        "went 1",
        "camera_lost",
        "camera_back",
        "came 1 \"happy\"",
        "went 1",
        "camera_lost",
    ];
    assert_eq!(said, expected);
    assert!(lines.iter().all(|line| line["unix_ms"].as_u64().is_some()));
    assert!(lines[0]["probability"].as_f64().unwrap() > 0.5);
    assert!(lines[5]["why"].as_str().is_some_and(|why| !why.is_empty()));
}
