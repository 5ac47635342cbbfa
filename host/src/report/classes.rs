//! Figures per class, and which classes are taken for which.

use maud::{Markup, html};
use mien_models::label::Labels;

use super::{grouped, rough_percent};
use crate::evaluate::Figures;

/// Confusions that are named.
const MOST: usize = 5;

/// The table of all classes.
pub fn table(figures: &Figures) -> Markup {
    let rows = figures.recall.0.iter().zip(&figures.confusion);
    let rows = rows.zip(&figures.precision.0).zip(&figures.f1.0);
    let rows = rows.zip(&figures.average_precision.0);
    html! {
        h2 { "Class by class" }
        p.note {
            "Recall: share of a class's pictures that is recognized. Precision: share of its "
            "verdicts that is right. A dash: nothing to divide by."
        }
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "Class" }
                        th scope="col" { "Pictures" }
                        th scope="col" { "Recall" }
                        th scope="col" { "Precision" }
                        th scope="col" { "F1" }
                        th scope="col" { "Average precision" }
                    }
                }
                tbody {
                    @for (((((name, recall), counts), (_, precision)), (_, f1)), (_, average)) in rows {
                        tr {
                            th scope="row" { (name) }
                            td { (grouped(counts.iter().sum())) }
                            td { (rough_percent(*recall)) (bar(*recall)) }
                            td { (rough_percent(*precision)) (bar(*precision)) }
                            td { (rough_percent(*f1)) }
                            td { (rough_percent(*average)) }
                        }
                    }
                }
            }
        }
    }
}

fn bar(share: Option<f64>) -> Markup {
    let width = format!("width:{:.1}%", 100.0 * share.unwrap_or(0.0));
    html! { span.bar aria-hidden="true" { i style=(width) {} } }
}

/// The most frequent confusions, in words.
pub fn confusions(labels: &Labels, counts: &[Vec<u64>]) -> Markup {
    let names: Vec<&str> = labels.iter().collect();
    let pairs = (0..names.len()).flat_map(|truth| (0..names.len()).map(move |v| (truth, v)));
    let mut wrong: Vec<(usize, usize)> = pairs
        .filter(|&(truth, verdict)| truth != verdict && counts[truth][verdict] > 0)
        .collect();
    wrong.sort_by_key(|&(truth, verdict)| std::cmp::Reverse(counts[truth][verdict]));
    wrong.truncate(MOST);
    html! {
        @if !wrong.is_empty() {
            h3 { "Most frequent confusions" }
            ol {
                @for (truth, verdict) in wrong {
                    @let count = counts[truth][verdict];
                    @let share = count as f64 / counts[truth].iter().sum::<u64>() as f64;
                    li {
                        b { (names[truth]) } " taken for " b { (names[verdict]) } ": "
                        (grouped(count)) " (" (rough_percent(Some(share))) " of " (names[truth]) ")"
                    }
                }
            }
        }
    }
}
