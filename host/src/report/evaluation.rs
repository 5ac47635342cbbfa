//! The report on a packed model.

use maud::html;

use super::mistakes::{self, Mistakes};
use super::page::{Page, page};
use super::{ReportError, classes, grouped, headline, model, plots};
use crate::evaluate::Evaluation;

/// What is reported on.
pub struct Evaluated<'a> {
    /// The evaluation.
    pub evaluation: &'a Evaluation,
    /// The data and the part of it, for people.
    pub data: &'a str,
    /// ISO 8601 date.
    pub date: &'a str,
    /// For the contact sheet; `None` leaves it out.
    pub mistakes: Option<Mistakes<'a>>,
}

/// The page as HTML.
///
/// # Errors
/// When a plot or a picture cannot be made.
pub fn evaluation(evaluated: &Evaluated<'_>) -> Result<String, ReportError> {
    let Evaluated {
        evaluation,
        data,
        date,
        mistakes,
    } = evaluated;
    let (report, labels) = (&evaluation.report, &evaluation.labels);
    let figures = &report.figures;
    let sheet = mistakes
        .as_ref()
        .map(|m| mistakes::sheet(labels, &evaluation.predictions, m))
        .transpose()?;
    let mut cards = headline::figures(figures);
    cards.extend(report.ferplus.as_ref().map(headline::ferplus));
    let body = html! {
        (headline::cards(&cards))
        (headline::passes(&report.passes, figures.n))
        (classes::table(figures))
        (plots::judged(labels, figures, &evaluation.predictions)?)
        @if let Some(sheet) = &sheet { (sheet) }
        (model::card(&report.model, &report.model_sha256))
    };
    let looks = if report.flip_averaged {
        "each averaged with its mirror image"
    } else {
        "one look each"
    };
    let summary = format!(
        "{} weights in {} bytes, judged on {} pictures of {data}, {looks}, by the device's own \
         inference code.",
        report.model.precision,
        grouped(report.model.bytes as u64),
        grouped(figures.n as u64),
    );
    Ok(page(
        &Page {
            kind: "evaluation report",
            title: &report.model.name,
            summary,
            has_pictures: sheet.is_some(),
            date,
        },
        &body,
    ))
}
