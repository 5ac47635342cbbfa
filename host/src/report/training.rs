//! The report on a training run.

use maud::{Markup, html};
use mien_models::label::Labels;

use super::headline::Card;
use super::mistakes::{self, Mistakes};
use super::page::{Page, page};
use super::{ReportError, classes, grouped, headline, percent, plots};
use crate::evaluate::{Figures, Predictions};
use crate::plot::{self, Quantity};
use crate::train::results::EpochRow;

/// What is reported on.
pub struct Trained<'a> {
    /// The run's name.
    pub name: &'a str,
    /// The recipe in one sentence.
    pub description: &'a str,
    /// The whole recipe as TOML.
    pub recipe: &'a str,
    /// Epochs of the whole recipe.
    pub epochs: usize,
    /// Of the network.
    pub parameters: u64,
    /// The network's labels.
    pub labels: &'a Labels,
    /// Epochs done.
    pub rows: &'a [EpochRow],
    /// The epoch whose weights are kept, counted from 1.
    pub best_epoch: usize,
    /// What the kept weights say of the validation pictures.
    pub predictions: &'a Predictions,
    /// Where these come from.
    pub validation: &'a str,
    /// Training pictures per label.
    pub training_counts: &'a [u64],
    /// ISO 8601 date.
    pub date: &'a str,
    /// For the contact sheet; `None` leaves it out.
    pub mistakes: Option<Mistakes<'a>>,
}

/// The page as HTML.
///
/// # Errors
/// When a plot or a picture cannot be made.
pub fn training(run: &Trained<'_>) -> Result<String, ReportError> {
    let figures = Figures::new(run.predictions, run.labels);
    let mut cards = headline::figures(&figures);
    cards.push(epochs_card(run));
    let sheet = run
        .mistakes
        .as_ref()
        .map(|m| mistakes::sheet(run.labels, run.predictions, m))
        .transpose()?;
    let body = html! {
        (headline::cards(&cards))
        (curves(run)?)
        (classes::table(&figures))
        (plots::judged(run.labels, &figures, run.predictions)?)
        @if let Some(sheet) = &sheet { (sheet) }
        (data(run, &figures))
        h2 { "The recipe" }
        p { (run.description) }
        pre { (run.recipe) }
    };
    let summary = format!(
        "A network of {} parameters after epoch {} of {}, in float, judged on {} pictures of {}. \
         These chose the epoch, so the figures flatter a little.",
        grouped(run.parameters),
        run.best_epoch,
        run.epochs,
        grouped(figures.n as u64),
        run.validation,
    );
    Ok(page(
        &Page {
            kind: "training report",
            title: run.name,
            summary,
            has_pictures: sheet.is_some(),
            date: run.date,
        },
        &body,
    ))
}

fn epochs_card(run: &Trained<'_>) -> Card {
    let seconds: f64 = run.rows.iter().map(|row| row.seconds).sum();
    let minutes = (seconds / 60.0).round() as u64;
    let time = match minutes {
        0 => format!("{seconds:.0} s"),
        1..60 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    };
    Card {
        name: "Epochs",
        value: format!("{} of {}", run.rows.len(), run.epochs),
        detail: format!("the best is {}; {time} in all", run.best_epoch),
    }
}

fn curves(run: &Trained<'_>) -> Result<Markup, ReportError> {
    let figure = |quantity, description: &str| {
        let drawing = plot::curve(run.rows, quantity)?;
        Ok::<_, ReportError>(plots::figure(&drawing, description, ""))
    };
    let last = run.rows.last();
    let of_last = |name: &str, value: fn(&EpochRow) -> String| {
        let value = last.map_or("no epoch yet".to_owned(), |row| {
            format!("{} in epoch {}", value(row), row.epoch)
        });
        format!("{name} by epoch: {value}")
    };
    Ok(html! {
        h2 { "The run" }
        p.note {
            "Training figures are on changed pictures and softened targets, so they may be worse "
            "than those of validation."
        }
        div.plots {
            (figure(Quantity::Loss, &of_last("Loss", |row| format!("{:.3}", row.val_loss)))?)
            (figure(Quantity::Accuracy, &of_last("Accuracy", |row| percent(row.val_accuracy)))?)
            (figure(Quantity::LearningRate,
                &of_last("Learning rate", |row| row.learning_rate.to_string()))?)
        }
    })
}

fn data(run: &Trained<'_>, figures: &Figures) -> Markup {
    let of_validation = |class: usize| figures.confusion[class].iter().sum::<u64>();
    html! {
        h2 { "The data" }
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "Class" }
                        th scope="col" { "To fit" }
                        th scope="col" { "To choose by" }
                    }
                }
                tbody {
                    @for ((class, name), count) in run.labels.iter().enumerate().zip(run.training_counts) {
                        tr {
                            th scope="row" { (name) }
                            td { (grouped(*count)) }
                            td { (grouped(of_validation(class))) }
                        }
                    }
                    tr {
                        th scope="row" { "All" }
                        td { (grouped(run.training_counts.iter().sum())) }
                        td { (grouped(figures.n as u64)) }
                    }
                }
            }
        }
    }
}
