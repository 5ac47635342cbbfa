//! The model card.

use maud::{Markup, html};

use super::grouped;
use crate::evaluate::ModelFacts;

/// Names with values, those without a value left out.
pub fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

/// What the file is.
pub fn card(model: &ModelFacts, sha256: &str) -> Markup {
    html! {
        h2 { "The model" }
        (facts(&[
            ("Name", format!("{}, version {}", model.name, model.version)),
            ("SHA-256", sha256.to_owned()),
            ("File", format!("{} bytes", grouped(model.bytes as u64))),
            ("Weights", format!("{} in {}", grouped(model.parameters), model.precision)),
            ("Cost", format!("{} multiply-accumulates a picture", mega(model.macs))),
            ("Temperature", format!("{:.3}", model.temperature)),
            ("Trained on", model.data.clone()),
            ("Packed", model.date.clone()),
            ("Licence", model.licence.clone()),
            ("Notes", model.notes.clone()),
        ]))
        @if !model.recipe.is_empty() {
            (recipe(&model.recipe))
        }
    }
}

/// A recipe's TOML, folded away.
pub fn recipe(toml: &str) -> Markup {
    html! {
        details {
            summary { "Recipe" }
            pre { (toml) }
        }
    }
}

/// `37512345` as `37.5 million`.
pub fn mega(count: u64) -> String {
    format!("{:.1} million", count as f64 / 1e6)
}
