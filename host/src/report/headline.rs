//! The figures one looks at first.

use maud::{Markup, html};

use super::{grouped, percent};
use crate::evaluate::{Ferplus, Figures, Passes, Summary};

/// A figure, large, with a line below it.
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What to know about it.
    pub detail: String,
}

/// Cards side by side.
pub fn cards(cards: &[Card]) -> Markup {
    html! {
        dl.headline {
            @for card in cards {
                div {
                    dt { (card.name) }
                    dd.value { (card.value) }
                    dd.detail { (card.detail) }
                }
            }
        }
    }
}

/// The cards that every judged classifier has.
pub fn figures(figures: &Figures) -> Vec<Card> {
    let [low, high] = figures.accuracy_ci95.map(percent);
    let mut cards = vec![
        Card {
            name: "Accuracy",
            value: percent(figures.accuracy),
            detail: format!("95% interval {low} to {high}"),
        },
        Card {
            name: "Macro-F1",
            value: percent(figures.macro_f1),
            detail: "every class counts alike".into(),
        },
        Card {
            name: "Four groups",
            value: percent(figures.four_group_accuracy),
            detail: "happy, angry, sad|neutral, the rest".into(),
        },
        Card {
            name: "Calibration error",
            value: percent(figures.ece),
            detail: "15 equal-width bins".into(),
        },
    ];
    if let Some(average) = figures.mean_average_precision() {
        cards.push(Card {
            name: "Average precision",
            value: percent(average),
            detail: "mean of the classes".into(),
        });
    }
    cards
}

/// By FERPlus's majority.
pub fn ferplus(ferplus: &Ferplus) -> Card {
    Card {
        name: "FERPlus majority",
        value: percent(ferplus.accuracy),
        detail: format!(
            "{} pictures; their FER2013 label agrees in {}",
            grouped(ferplus.n as u64),
            percent(ferplus.label_agreement)
        ),
    }
}

/// Single pass beside flip averaging.
pub fn passes(passes: &Passes, n: usize) -> Markup {
    let row = |name: &str, summary: &Summary| {
        let [low, high] = summary.accuracy_ci95.map(percent);
        html! {
            tr {
                th scope="row" { (name) }
                td { (percent(summary.accuracy)) }
                td { (low) " to " (high) }
                td { (percent(summary.macro_f1)) }
                td { (percent(summary.four_group_accuracy)) }
                td { (percent(summary.ece)) }
            }
        }
    };
    html! {
        h2 { "One look or two" }
        p.note {
            "A device looks at a face once. Averaging the probabilities of the picture and its "
            "mirror image costs twice the time. Both over " (grouped(n as u64)) " pictures."
        }
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "" }
                        th scope="col" { "Accuracy" }
                        th scope="col" { "95% interval" }
                        th scope="col" { "Macro-F1" }
                        th scope="col" { "Four groups" }
                        th scope="col" { "Calibration error" }
                    }
                }
                tbody {
                    (row("Single pass", &passes.single))
                    @if let Some(summary) = &passes.flip_averaged {
                        (row("With mirror image", summary))
                    }
                }
            }
        }
    }
}
