//! A run's lines at several moments and widths.

use std::time::{Duration, Instant};

use console::{measure_text_width, strip_ansi_codes};

use super::draw::time;
use super::*;
use crate::train::recipe::{Recipe, Select};
use crate::train::results::EpochRow;

fn row(epoch: usize, val_loss: f64, val_accuracy: f64) -> EpochRow {
    EpochRow {
        epoch,
        learning_rate: 0.1,
        train_loss: 2.0 / epoch as f64,
        train_accuracy: 0.5,
        val_loss,
        val_accuracy,
        seconds: 60.0,
    }
}

/// The tiny recipe cut to ten epochs, with finished epochs before a resumption.
fn state(rows: Vec<EpochRow>) -> State {
    let mut recipe = Recipe::open("tiny").unwrap();
    recipe.epochs = 10;
    recipe.resolution.clear();
    State::new(&recipe, rows)
}

/// Steps of 2 s until `step` of 100.
fn steps(state: &mut State, epoch: usize, step: usize) {
    let start = Instant::now();
    for step in 1..=step {
        let event = Event::Step {
            epoch,
            step,
            steps: 100,
            loss: 1.25,
            learning_rate: 0.08,
            pictures_per_second: 83.4,
        };
        state.update(&event, start + Duration::from_secs(2 * step as u64));
    }
}

fn plain(state: &State, columns: usize) -> Vec<String> {
    let lines = lines(state, columns);
    lines
        .iter()
        .map(|line| strip_ansi_codes(line).trim_end().to_owned())
        .collect()
}

#[test]
fn a_run_in_its_third_epoch() {
    let mut state = state(vec![row(1, 1.5, 0.4), row(2, 1.4, 0.5)]);
    steps(&mut state, 3, 50);
    let expected = [
        "run       ████████░░░░░░░░░░░░░░░░░░░░░░░░░░░    2/10 epochs  25 min 0 s left",
        "epoch     █████████████████░░░░░░░░░░░░░░░░░░   50/100 steps  1 min 40 s left",
        "loss      █▁                                   1.2500 now, 1.0000 in epoch 2",
        "accuracy  ▁█                                   50.00%, best 50.00% in epoch 2",
        "rate      0.08000, pictures of 48x48, 83 a second",
    ];
    assert_eq!(plain(&state, 80), expected);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut late = state((1..=9).map(|e| row(e, 1e9, 0.123_456)).collect());
    steps(&mut late, 10, 100);
    let mut first = state(vec![]);
    steps(&mut first, 1, 1);
    for state in [&late, &first, &state(vec![])] {
        for columns in [1, 9, 20, 39, 40, 58, 59, 79, 80, 81, 250] {
            for line in lines(state, columns) {
                assert!(measure_text_width(&line) <= columns, "{columns}: {line}");
            }
        }
    }
    assert!(plain(&late, 40)[0].starts_with("run         9/10 epochs"));
}

#[test]
fn before_the_first_epoch_ends_nothing_is_made_up() {
    let waiting = plain(&state(vec![]), 80);
    assert!(waiting[0].ends_with("0/10 epochs"), "{}", waiting[0]);
    assert!(waiting[1].ends_with("waiting for the first step"));
    assert_eq!([waiting[2].as_str(), waiting[4].as_str()], ["loss", "rate"]);

    let mut first = state(vec![]);
    steps(&mut first, 1, 1);
    let lines = plain(&first, 80);
    assert!(lines[1].ends_with("1/100 steps"), "one step has no speed");
    assert!(lines[2].ends_with("1.2500 now") && lines[3].ends_with("after the first epoch"));
}

#[test]
fn a_judged_epoch_is_said_and_a_finished_run_has_no_time_left() {
    let mut state = state((1..=9).map(|e| row(e, 1.0, 0.5)).collect());
    steps(&mut state, 10, 100);
    assert!(plain(&state, 80)[1].ends_with("100/100 steps  validating"));
    state.rows.push(row(10, 1.0, 0.5));
    let lines = plain(&state, 80);
    assert!(lines[0].ends_with("█   10/10 epochs"), "{}", lines[0]);
    assert!(lines[1].ends_with("█  100/100 steps"), "{}", lines[1]);
    assert!(lines[2].ends_with("  0.2000 in epoch 10"), "{}", lines[2]);
}

#[test]
fn diverged_figures_are_gaps_and_never_the_best() {
    let bad = row(2, f64::NAN, f64::NAN);
    let mut state = state(vec![row(1, 1.0, 0.5), bad, row(3, 2.0, 0.4)]);
    state.rows[1].train_loss = f64::INFINITY;
    let lines = plain(&state, 80);
    assert!(lines[2].starts_with("loss      █ ▁ "), "{}", lines[2]);
    assert!(lines[3].starts_with("accuracy  █ ▁ "), "{}", lines[3]);
    assert!(lines[3].ends_with("40.00%, best 50.00% in epoch 1"));
    state.rows = vec![bad];
    assert!(plain(&state, 80)[3].ends_with("NaN%"));
}

#[test]
fn the_best_epoch_is_the_first_of_the_best_by_the_recipe() {
    let rows = vec![row(1, 1.2, 0.5), row(2, 1.1, 0.6), row(3, 1.0, 0.6)];
    let mut state = state(rows);
    state.select = Select::ValidationAccuracy;
    assert_eq!(state.best().map(|row| row.epoch), Some(2));
    state.select = Select::ValidationLoss;
    assert_eq!(state.best().map(|row| row.epoch), Some(3));
}

#[test]
fn time_left_goes_by_pixels_and_by_this_programs_epochs() {
    let mut state = state(vec![]);
    state.sides_px = [[24; 5], [48; 5]].concat();
    assert_eq!(state.run_left(), None);
    // Steps of 2 s: 100 s to go, then 4 epochs of 200 s and 5 of four times as many pixels.
    steps(&mut state, 1, 50);
    let left = Duration::from_secs(100 + 4 * 200 + 5 * 800);
    assert_eq!(state.run_left(), Some(left));
    state.rows.push(row(1, 1.0, 0.5));
    let left = Duration::from_secs(4 * 60 + 5 * 240);
    assert_eq!(state.run_left(), Some(left), "epochs of 60 s");

    // A resumed run does not trust times of before.
    let mut recipe = Recipe::open("tiny").unwrap();
    (recipe.epochs, recipe.resolution) = (3, vec![]);
    let mut resumed = State::new(&recipe, vec![row(1, 1.0, 0.5)]);
    assert_eq!(resumed.run_left(), None);
    steps(&mut resumed, 2, 100);
    assert_eq!(resumed.run_left(), Some(Duration::from_secs(200)));
}

#[test]
fn times_are_short() {
    let text = |seconds: u64| time(Duration::from_secs(seconds));
    assert_eq!(text(0), "0 s");
    assert_eq!(text(59), "59 s");
    assert_eq!(text(125), "2 min 5 s");
    assert_eq!(text(4800), "1 h 20 min");
    assert_eq!(text(3 * 86_400 + 4 * 3600 + 59), "3 d 4 h");
    assert_eq!(time(Duration::MAX), "over 99 d");
    assert_eq!(time(Duration::from_millis(59_700)), "1 min 0 s");
}
