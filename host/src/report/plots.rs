//! Plots in a page.

use maud::{Markup, PreEscaped, html};
use mien_models::label::Labels;

use super::{ReportError, classes, percent};
use crate::evaluate::{Figures, Predictions};
use crate::plot::{self, Drawing};

/// A plot with what it shows in words.
pub fn figure(drawing: &Drawing, description: &str, caption: &str) -> Markup {
    // Most may shrink to a phone's width, the matrix's numbers would become unreadable.
    let class = if drawing.width_px() > 520 {
        "plot wide"
    } else {
        "plot"
    };
    let width = format!("max-width:{}px", drawing.width_px());
    html! {
        figure {
            div class=(class) style=(width) role="img" aria-label=(description) {
                (PreEscaped(drawing.svg()))
            }
            @if !caption.is_empty() {
                figcaption { (caption) }
            }
        }
    }
}

/// Confusion matrix, reliability and precision-recall.
pub fn judged(
    labels: &Labels,
    figures: &Figures,
    predictions: &Predictions,
) -> Result<Markup, ReportError> {
    let confusion = plot::confusion(labels, &figures.confusion)?;
    let reliability = plot::reliability(&figures.reliability)?;
    let curves = labels.iter().enumerate().map(|(class, name)| {
        let curve = predictions.precision_recall(class);
        let drawing = plot::precision_recall(name, &curve)?;
        let average = curve.average_precision.map(percent);
        let description = match average {
            Some(average) => format!("Precision-recall curve of {name}: average {average}"),
            None => format!("No pictures of {name}"),
        };
        Ok(figure(&drawing, &description, ""))
    });
    let curves = curves.collect::<Result<Vec<_>, ReportError>>()?;
    let ece = percent(figures.ece);
    Ok(html! {
        h2 { "What is taken for what" }
        div.plots.matrix {
            (figure(&confusion, "Confusion matrix; the table above holds its diagonal",
                "Rows are the label in the data, columns the verdict; each cell has the share of \
                 its row and the number of pictures."))
            div { (classes::confusions(labels, &figures.confusion)) }
        }
        h2 { "Can its confidence be believed?" }
        div.plots.lone {
            (figure(&reliability, &format!("Reliability diagram: calibration error {ece}"),
                "Above: how often verdicts are right, by their confidence. On the dashed line, those \
                 of 70% are right 7 times in 10. Where a bar ends below it the model is too sure \
                 of itself, above it too modest. Below: the share of verdicts with such a \
                 confidence."))
        }
        h2 { "Precision and recall" }
        p.note {
            "Each class against the rest, by its probability; the number is the average "
            "precision, the dashed line what guessing reaches."
        }
        div.small-plots { @for curve in curves { (curve) } }
    })
}
