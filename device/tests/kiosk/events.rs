//! Events: all of them, in time, to everyone.

use std::thread;
use std::time::{Duration, Instant};

use mien_device::output::Output as _;
use mien_device::pipeline::totals::Totals;
use mien_models::label::Labels;
use serde_json::json;

use crate::client::{Events, get};
use crate::{HAPPY, SAD, Setup};

#[test]
fn a_decision_is_told_within_a_tenth_of_a_second() {
    let mut stage = Setup::default().start();
    let mut events = Events::open(stage.address());
    events.wait("state");
    let mut slowest = Duration::ZERO;
    for round in 0..40u64 {
        let (winner, name) = if round % 2 == 0 {
            (HAPPY, "happy")
        } else {
            (SAD, "sad")
        };
        let start = Instant::now();
        stage.show(round, &[Some(winner)]);
        while events.wait("state")["faces"][0]["expression"] != name {}
        slowest = slowest.max(start.elapsed());
        // Longer than a frame takes, so that nothing waits for a rate limit by luck.
        thread::sleep(Duration::from_millis(7));
    }
    println!("slowest of 40 decisions: {slowest:?}");
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

#[test]
fn a_client_is_greeted_with_everything_and_told_every_change() {
    let mut stage = Setup::default().start();
    stage.count(4);
    stage.show(0, &[Some(HAPPY)]);
    let mut events = Events::open(stage.address());
    assert_eq!(events.next(), Some(("hello".to_owned(), json!("0.1.0"))));
    assert_eq!(events.wait("about")["model"]["name"], "test");
    assert_eq!(events.wait("state")["camera"], "ok");
    assert_eq!(events.wait("counts")["counting"], true);

    // Each frame takes back what the one before it decided: states may be skipped, changes not.
    stage.show(1, &[Some(SAD)]);
    stage.show(2, &[None]);
    stage.show(3, &[]);
    stage.show(4, &[]);
    let told: Vec<_> = (0..3).map(|_| events.wait("change")).collect();
    assert_eq!(
        told,
        [
            json!({"change": "expression", "track": 1, "expression": "sad"}),
            json!({"change": "expression", "track": 1, "expression": null}),
            json!({"change": "left", "track": 1}),
        ]
    );
    stage.count(5);
    while events.wait("counts")["visits"] != 5 {}
}

#[test]
fn other_models_are_told_before_what_they_see() {
    let mut stage = Setup::default().start();
    stage.show(0, &[Some(HAPPY)]);
    let mut events = Events::open(stage.address());
    assert_eq!(events.wait("about")["labels"][3]["name"], "happy");
    events.wait("state");

    let labels = Labels::new(["smiling", "not smiling"]).unwrap();
    stage.run.switch(&crate::models("mine", labels)).unwrap();
    let mut frame = crate::judged(1, &[Some(0)]);
    frame.faces[0].shown.probabilities.truncate(2);
    stage.run.show(&frame).unwrap();
    let mut told = Vec::new();
    let state = loop {
        let (name, data) = events.next().unwrap();
        if data["faces"][0]["expression"] == "smiling" {
            break data;
        }
        told.push((name, data));
    };
    let about = told.iter().find(|(name, _)| name == "about");
    let (_, about) = about.expect("the model is told first");
    assert_eq!(about["model"]["name"], "mine");
    assert_eq!(about["labels"][1]["name"], "not smiling");
    assert_eq!(state["faces"].as_array().unwrap().len(), 1);

    // And whoever asks.
    let about = get(stage.address(), "/api/v1/about").json();
    assert_eq!(about["model"]["name"], "mine");
    let answer = get(stage.address(), "/metrics");
    let figures = answer.text();
    for line in [
        "mien_build{version=\"0.1.0\",model=\"mine\"} 1",
        "mien_faces_showing{expression=\"smiling\"} 1",
    ] {
        assert!(figures.lines().any(|l| l == line), "{line} in\n{figures}");
    }
    stage.hub.set_settings("kiosk = \"other\"\n".to_owned());
    let owner = get(stage.address(), "/api/v1/owner").json();
    assert_eq!(owner["settings"], "kiosk = \"other\"\n");
    assert_eq!(
        get(stage.address(), "/api/v1/about").json()["model"]["name"],
        "mine"
    );
}

#[test]
fn what_is_not_a_decision_is_told_ten_times_a_second_at_most() {
    let mut stage = Setup::default().start();
    stage.show(0, &[Some(HAPPY)]);
    let mut states = stage.hub.states();
    states.mark_unchanged();
    let start = Instant::now();
    let mut told = 0;
    let mut frame = crate::judged(1, &[Some(HAPPY)]);
    while start.elapsed() < Duration::from_millis(550) {
        // The face moves in every frame.
        frame.faces[0].detection.x = start.elapsed().as_secs_f32();
        stage.run.show(&frame).unwrap();
        told += u32::from(states.has_changed().unwrap());
        states.mark_unchanged();
        thread::sleep(Duration::from_millis(2));
    }
    assert!((3..=6).contains(&told), "{told} states in 550 ms");
}

#[test]
fn the_end_of_the_run_is_told_and_then_the_connection_ends() {
    let mut stage = Setup::default().start();
    stage.show(0, &[Some(HAPPY)]);
    let mut events = Events::open(stage.address());
    events.wait("state");
    let totals = Totals::new(&Labels::fer2013());
    stage.run.finish(&totals).unwrap();
    let start = Instant::now();
    drop(stage);
    assert!(start.elapsed() < Duration::from_secs(2), "the server ends");
    let mut last = None;
    while let Some((name, data)) = events.next() {
        if name == "state" {
            last = Some(data);
        }
    }
    assert_eq!(last.unwrap()["camera"], "ended");
}
