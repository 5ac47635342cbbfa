//! A run's state as lines of text. Nothing here knows of a real terminal.

use std::time::Duration;

use console::{Color, measure_text_width, style, truncate_str};

use super::sparkline::sparkline;
use super::state::State;

/// A wider dashboard is harder to read.
const MAX_COLUMNS: usize = 110;
const LABEL_COLUMNS: usize = 10;
/// For what stands right of the bars: accuracies, or a loss of any size.
const NOTE_COLUMNS: usize = 33;
/// `59 min 59 s left`.
const LEFT_COLUMNS: usize = 16;
/// Shorter bars are left out.
const MIN_BAR_COLUMNS: usize = 6;

/// All lines, none of more than `columns` (at least 1); coloured where stderr's colours are on.
pub fn lines(state: &State, columns: usize) -> Vec<String> {
    let columns = columns.min(MAX_COLUMNS);
    let steps = state.current.map_or(0, |current| current.steps);
    let count = |done: usize, total: usize, unit: &str| format!("{done}/{total} {unit}");
    let epochs = state.epochs();
    // By the longest counts, so that the bars stay as they are.
    let count_columns = [
        count(epochs, epochs, "epochs").len(),
        count(steps, steps, "steps").len(),
    ];
    let count_columns = count_columns[0].max(count_columns[1]);
    let note_columns = NOTE_COLUMNS.max(count_columns + 2 + LEFT_COLUMNS);
    let bar_columns = match columns.saturating_sub(LABEL_COLUMNS + 2 + note_columns) {
        short if short < MIN_BAR_COLUMNS => 0,
        long => long,
    };
    let layout = Layout {
        columns,
        bar_columns,
    };

    let timed = |count: String, left: Option<Duration>| match left {
        Some(left) => format!("{count:>count_columns$}  {} left", time(left)),
        None => format!("{count:>count_columns$}"),
    };
    let run = timed(
        count(state.rows.len(), epochs, "epochs"),
        state.run_left().filter(|_| state.rows.len() < epochs),
    );
    let epoch = match (state.current, state.is_validating()) {
        (None, _) => "waiting for the first step".to_owned(),
        (Some(c), true) => format!(
            "{:>count_columns$}  validating",
            count(c.step, steps, "steps")
        ),
        (Some(c), false) => timed(count(c.step, steps, "steps"), state.epoch_left()),
    };
    let epoch_share = state.current.map_or(0.0, |current| current.share());
    let losses: Vec<f64> = state.rows.iter().map(|row| row.train_loss).collect();
    let accuracies: Vec<f64> = state.rows.iter().map(|row| row.val_accuracy).collect();
    vec![
        layout.line(
            "run",
            &bar(state.run_share(), bar_columns),
            Color::Cyan,
            &run,
        ),
        layout.line("epoch", &bar(epoch_share, bar_columns), Color::Cyan, &epoch),
        layout.line(
            "loss",
            &sparkline(&losses, bar_columns),
            Color::Yellow,
            &loss(state),
        ),
        layout.line(
            "accuracy",
            &sparkline(&accuracies, bar_columns),
            Color::Green,
            &accuracy(state),
        ),
        layout.text("rate", &rate(state)),
    ]
}

struct Layout {
    columns: usize,
    bar_columns: usize,
}

impl Layout {
    /// Label, bar or curve, and what is to be known about it.
    fn line(&self, label: &str, bar: &str, color: Color, note: &str) -> String {
        if self.bar_columns == 0 {
            return self.text(label, note);
        }
        let gap = " ".repeat(self.bar_columns.saturating_sub(measure_text_width(bar)));
        let bar = style(bar).for_stderr().fg(color);
        self.text(label, &format!("{bar}{gap}  {note}"))
    }

    fn text(&self, label: &str, text: &str) -> String {
        let label = style(format!("{label:<LABEL_COLUMNS$}")).for_stderr().dim();
        let line = format!("{label}{text}");
        truncate_str(&line, self.columns, "…").into_owned()
    }
}

fn bar(share: f64, columns: usize) -> String {
    let full = ((share * columns as f64) as usize).min(columns);
    "█".repeat(full) + &"░".repeat(columns - full)
}

/// Of this epoch and of the one before.
fn loss(state: &State) -> String {
    let now = state.current.map(|current| format!("{:.4}", current.loss));
    let known = state.rows.last();
    let known = known.map(|row| format!("{:.4} in epoch {}", row.train_loss, row.epoch));
    let is_new = state.current.is_some_and(|c| c.epoch > state.rows.len());
    match (now.filter(|_| is_new), known) {
        (Some(now), Some(known)) => format!("{now} now, {known}"),
        (Some(now), None) => format!("{now} now"),
        (None, Some(known)) => known,
        (None, None) => String::new(),
    }
}

/// Of the newest and the best epoch, on the validation split.
fn accuracy(state: &State) -> String {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let Some(last) = state.rows.last() else {
        return "after the first epoch".to_owned();
    };
    let last = percent(last.val_accuracy);
    match state.best() {
        Some(best) => {
            let accuracy = percent(best.val_accuracy);
            format!("{last}, best {accuracy} in epoch {}", best.epoch)
        }
        None => last,
    }
}

/// Learning rate, picture size and speed.
fn rate(state: &State) -> String {
    let Some(current) = &state.current else {
        return String::new();
    };
    let side = current.epoch.checked_sub(1);
    let side = side.and_then(|epoch| state.sides_px.get(epoch));
    let side = side.map_or(String::new(), |side| format!(", pictures of {side}x{side}"));
    let rate = match current.learning_rate {
        small if small < 1e-3 => format!("{small:.1e}"),
        rate => format!("{rate:.5}"),
    };
    let speed = match current.pictures_per_second {
        slow if slow < 10.0 => format!("{slow:.1}"),
        fast => format!("{fast:.0}"),
    };
    format!("{rate}{side}, {speed} a second")
}

/// The two largest units of a time: `45 s`, `2 min 5 s`, `1 h 20 min`, `3 d 4 h`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        (1..100, _, _) => format!("{days} d {} h", hours % 24),
        _ => "over 99 d".to_owned(),
    }
}
