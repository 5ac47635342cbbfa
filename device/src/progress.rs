//! Progress of long work on stderr: a bar with an ETA on a terminal, a plain line now and then
//! elsewhere, so that logs stay readable.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressFinish, ProgressStyle};

/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing, for tests and `--json`.
    Silent,
    /// A redrawn bar.
    Bar,
    /// Plain lines.
    Lines,
}

/// What a task counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown with binary prefixes.
    Bytes,
    /// Things, named in the plural.
    Items(&'static str),
}

impl Progress {
    /// A bar when stderr is a terminal that can redraw, else plain lines.
    pub fn auto() -> Self {
        if std::io::stderr().is_terminal() && !console::is_dumb() {
            Self::Bar
        } else {
            Self::Lines
        }
    }

    /// Starts a task of `total` units.
    pub fn start(self, label: &str, total: u64, unit: Unit) -> Task {
        let bar = match self {
            // Also when an error drops the task, so that its message starts on a clean line.
            Self::Bar => ProgressBar::new(total)
                .with_message(label.to_owned())
                .with_finish(ProgressFinish::AndClear),
            Self::Silent | Self::Lines => ProgressBar::hidden(),
        };
        bar.set_style(bar_style(unit));
        let now = Instant::now();
        Task {
            mode: self,
            label: label.to_owned(),
            unit,
            total,
            done: AtomicU64::new(0),
            bar,
            started: now,
            last_line: Mutex::new(now),
        }
    }
}

/// A running piece of work; may be advanced from several threads.
#[derive(Debug)]
pub struct Task {
    mode: Progress,
    label: String,
    unit: Unit,
    total: u64,
    done: AtomicU64,
    bar: ProgressBar,
    started: Instant,
    last_line: Mutex<Instant>,
}

impl Task {
    /// Counts `amount` more units.
    pub fn advance(&self, amount: u64) {
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        self.bar.inc(amount);
        if self.mode != Progress::Lines {
            return;
        }
        // A thread that finds the lock taken has nothing new to say.
        let Ok(mut last) = self.last_line.try_lock() else {
            return;
        };
        if last.elapsed() >= LINE_INTERVAL {
            *last = Instant::now();
            eprintln!("{}", self.line(done));
        }
    }

    /// Ends the task: the bar goes, a plain log keeps one line.
    pub fn finish(self) {
        self.bar.finish_and_clear();
        if self.mode == Progress::Lines {
            eprintln!(
                "{}: {} in {:.1} s",
                self.label,
                amount(self.done.load(Ordering::Relaxed), self.unit),
                self.started.elapsed().as_secs_f64()
            );
        }
    }

    fn line(&self, done: u64) -> String {
        let percent = 100.0 * done as f64 / self.total.max(1) as f64;
        let left = eta(self.started.elapsed(), done, self.total);
        format!(
            "{}: {percent:.0}% ({} of {}), about {} left",
            self.label,
            amount(done, self.unit),
            amount(self.total, self.unit),
            HumanDuration(left)
        )
    }
}

fn amount(count: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => HumanBytes(count).to_string(),
        Unit::Items(name) => format!("{count} {name}"),
    }
}

/// Time left at the average speed so far.
fn eta(elapsed: Duration, done: u64, total: u64) -> Duration {
    let remaining = total.saturating_sub(done) as f64;
    let seconds = elapsed.as_secs_f64() * remaining / done.max(1) as f64;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn bar_style(unit: Unit) -> ProgressStyle {
    let template = match unit {
        Unit::Bytes => "{msg} {wide_bar} {bytes}/{total_bytes} {eta} left",
        Unit::Items(_) => "{msg} {wide_bar} {pos}/{len} {eta} left",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eta_extrapolates_the_average_speed() {
        assert_eq!(
            eta(Duration::from_secs(3), 100, 300),
            Duration::from_secs(6)
        );
        assert_eq!(eta(Duration::from_secs(3), 300, 300), Duration::ZERO);
        assert_eq!(eta(Duration::from_secs(3), 400, 300), Duration::ZERO);
    }

    #[test]
    fn a_line_tells_share_amounts_and_time() {
        let task = Progress::Lines.start("reading", 4 << 20, Unit::Bytes);
        let line = task.line(1 << 20);
        assert!(
            line.starts_with("reading: 25% (1.00 MiB of 4.00 MiB), about "),
            "{line}"
        );
    }

    #[test]
    fn counts_are_kept_across_threads() {
        let task = Progress::Silent.start("work", 400, Unit::Items("pictures"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| task.advance(1)));
            }
        });
        assert_eq!(task.done.load(Ordering::Relaxed), 400);
    }
}
