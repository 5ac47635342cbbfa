//! The dashboard of a training run: a few lines that are redrawn in place at the end of the
//! terminal, while finished epochs scroll away above them.
//!
//! [`State`] is what is known of the run, [`lines`] makes text of it, and [`Dashboard`] puts that
//! on the terminal. The terminal's modes and cursor stay as they are, so that a program that is
//! killed leaves nothing to repair.

mod draw;
mod sparkline;
mod state;
#[cfg(test)]
mod tests;

pub use draw::lines;
pub use sparkline::sparkline;
pub use state::{Current, State};

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::train::run::Event;

/// Redraws a second at most: steps may be shorter.
const MAX_REDRAWS_HZ: u8 = 8;
/// Redraws when nothing happens, which also shows what came too soon after the last redraw.
const REDRAW_INTERVAL: Duration = Duration::from_millis(500);

/// A dashboard on stderr, which must be a terminal; it goes when dropped.
#[derive(Debug)]
pub struct Dashboard {
    state: State,
    term: Term,
    bar: ProgressBar,
}

impl Dashboard {
    /// Draws `state`.
    pub fn open(state: State) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(MAX_REDRAWS_HZ);
        let style = ProgressStyle::with_template("{msg}");
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_finish(ProgressFinish::AndClear);
        bar.enable_steady_tick(REDRAW_INTERVAL);
        let dashboard = Self {
            state,
            term: Term::stderr(),
            bar,
        };
        dashboard.draw();
        dashboard
    }

    /// Shows what the training loop tells.
    pub fn show(&mut self, event: &Event<'_>) {
        self.state.update(event, Instant::now());
        self.draw();
    }

    /// Prints a line that stays, above the dashboard.
    pub fn print(&self, line: &str) {
        self.bar.println(line);
    }

    fn draw(&self) {
        let (_, columns) = self.term.size();
        let lines = lines(&self.state, usize::from(columns));
        // A blank line, as the rows above are numbers, too; an empty one would stay behind.
        self.bar.set_message(format!(" \n{}", lines.join("\n")));
    }
}
