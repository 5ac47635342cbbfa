//! What `mien train` shows: a bar per epoch on a terminal, a line per epoch everywhere.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use burn::tensor::backend::AutodiffBackend;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use mien_host::train::plan::Plan;
use mien_host::train::run::{Data, Event, Outcome};

/// The view of one run, on stderr.
pub struct View {
    bar: Option<ProgressBar>,
    epochs: usize,
}

impl View {
    /// For a run of `epochs` epochs.
    pub fn new(epochs: usize) -> Self {
        Self { bar: None, epochs }
    }

    /// Says what is trained on what.
    pub fn start(&self, folder: &Path, plan: &Plan, data: &Data) {
        eprintln!(
            "{} parameters, {} pictures to fit, {} to choose by; results go to {}",
            plan.parameters(),
            data.training.len(),
            data.validation.len(),
            folder.display()
        );
        eprintln!("epoch     rate  loss    hits   val loss  val hits  time");
    }

    /// Shows a step or an epoch.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Step {
                epoch,
                step,
                steps,
                loss,
                pictures_per_second,
            } => {
                if !std::io::stderr().is_terminal() {
                    return;
                }
                let bar = self.bar.get_or_insert_with(|| {
                    let bar = ProgressBar::new(*steps as u64);
                    let style = "{msg} {bar:30} {pos}/{len} ETA {eta}";
                    bar.set_style(
                        ProgressStyle::with_template(style)
                            .unwrap_or_else(|_| ProgressStyle::default_bar()),
                    );
                    bar
                });
                bar.set_position(*step as u64);
                bar.set_message(format!(
                    "epoch {epoch}/{}  loss {loss:.4}  {pictures_per_second:.0} pictures/s",
                    self.epochs
                ));
            }
            Event::Epoch { row, best } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let left = (self.epochs.saturating_sub(row.epoch)) as f64 * row.seconds;
                eprintln!(
                    "{:>3}/{:<3} {:>7.5} {:.4} {:>6.2}%    {:.4}   {:>6.2}%  {:.0} s, {} left{}",
                    row.epoch,
                    self.epochs,
                    row.learning_rate,
                    row.train_loss,
                    100.0 * row.train_accuracy,
                    row.val_loss,
                    100.0 * row.val_accuracy,
                    row.seconds,
                    HumanDuration(Duration::from_secs_f64(left)),
                    if *best { "  best" } else { "" }
                );
            }
        }
    }

    /// Says how the run ended and what to do next.
    pub fn end<B: AutodiffBackend>(&self, folder: &Path, outcome: &Outcome<B>, epochs: usize) {
        let (progress, validation) = (&outcome.progress, &outcome.validation);
        let stopped_early = outcome.stopped_early && progress.epochs < epochs;
        let folder = folder.display();
        eprintln!(
            "best: epoch {} with {:.2}% on the validation split (float)",
            progress.best_epoch,
            100.0 * validation.accuracy()
        );
        eprintln!("curves and confusion matrix: {folder}/curves.svg, {folder}/confusion.svg");
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
