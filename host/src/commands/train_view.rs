//! What `mien train` shows on stderr: a line per epoch, and on a terminal the dashboard below.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;
use indicatif::HumanDuration;
use mien_host::dashboard::{Dashboard, State};
use mien_host::progress::Progress;
use mien_host::train::recipe::Recipe;
use mien_host::train::results::EpochRow;
use mien_host::train::run::{Event, Outcome};
use signal_hook::consts::{SIGINT, SIGTERM};

/// A shell's exit code for a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// The view of one run.
pub struct View {
    /// `None`: lines only.
    dashboard: Option<Dashboard>,
    epochs: usize,
    stop: Arc<AtomicBool>,
}

/// What is trained, for people.
pub struct Subject<'a> {
    /// Where results go.
    pub folder: &'a Path,
    /// Parameters and numbers of pictures.
    pub facts: String,
    /// What the whole run is to do.
    pub recipe: &'a Recipe,
}

impl View {
    /// Says what is trained; `rows` are the epochs before a resumption.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub fn start(
        subject: &Subject<'_>,
        rows: Vec<EpochRow>,
        progress: Progress,
    ) -> io::Result<Self> {
        eprintln!(
            "{}; results go to {}",
            subject.facts,
            subject.folder.display()
        );
        eprintln!("epoch      rate   loss    hits  val loss  val hits  time");
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let code = i32::from(INTERRUPTED);
            signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&stop))?;
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        let recipe = subject.recipe;
        let dashboard =
            (progress == Progress::Bar).then(|| Dashboard::open(State::new(recipe, rows)));
        Ok(Self {
            dashboard,
            epochs: recipe.epochs,
            stop,
        })
    }

    /// Whether the user asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Shows a step or an epoch.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Older { damaged, epochs } => {
                self.say(format!("warning: {damaged}"));
                self.say(format!(
                    "going on from the checkpoint before it, after epoch {epochs}"
                ));
            }
            Event::Epoch { row, best, .. } => self.say(self.line(row, *best)),
            Event::Step { .. } => {}
        }
        if let Some(dashboard) = &mut self.dashboard {
            dashboard.show(event);
        }
    }

    /// Shows a message.
    pub fn say(&self, message: String) {
        match &self.dashboard {
            Some(dashboard) => dashboard.print(&message),
            None => eprintln!("{message}"),
        }
    }

    /// Takes the dashboard away, for what is printed after the run.
    pub fn close(&mut self) {
        self.dashboard = None;
    }

    fn line(&self, row: &EpochRow, best: bool) -> String {
        let left = (self.epochs.saturating_sub(row.epoch)) as f64 * row.seconds;
        let left = match self.dashboard {
            Some(_) => String::new(),
            None => format!(", {} left", HumanDuration(Duration::from_secs_f64(left))),
        };
        format!(
            "{:>3}/{:<3} {:>7.5} {:.4} {:>6.2}%    {:.4}   {:>6.2}%  {:.0} s{left}{}",
            row.epoch,
            self.epochs,
            row.learning_rate,
            row.train_loss,
            100.0 * row.train_accuracy,
            row.val_loss,
            100.0 * row.val_accuracy,
            row.seconds,
            if best { "  best" } else { "" }
        )
    }

    /// Says how the run ended and what to do next.
    pub fn end<B: AutodiffBackend>(self, folder: &Path, outcome: &Outcome<B>) {
        let (progress, validation) = (&outcome.progress, &outcome.validation);
        let (folder, epochs) = (folder.display(), self.epochs);
        let stopped_early = outcome.stopped_early && progress.epochs < epochs;
        eprintln!(
            "best: epoch {} with {:.2}% on the validation split (float)",
            progress.best_epoch,
            100.0 * validation.accuracy()
        );
        eprintln!(
            "report: {folder}/report.html; plots: {folder}/curves.svg, {folder}/confusion.svg"
        );
        if stopped_early {
            eprintln!(
                "stopped early: no epoch was better than epoch {} for {} epochs",
                progress.best_epoch,
                progress.epochs.saturating_sub(progress.best_epoch)
            );
        }
        if progress.epochs < epochs && !stopped_early {
            eprintln!(
                "stopped after epoch {} of {epochs}; go on: mien train --resume {folder}",
                progress.epochs
            );
        } else {
            eprintln!("pack it: mien quantize --run {folder} --out models/expression.postcard");
        }
    }
}
