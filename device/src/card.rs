//! What a model's maker says of it.

use mien_models::expression_model::ModelCard;
use serde::Serialize;

/// A model card that outlives the file it was in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Card {
    /// Short name.
    pub name: String,
    /// Data it was trained on.
    pub data: String,
    /// ISO 8601 date of packing.
    pub date: String,
    /// Licence of the weights.
    pub licence: String,
    /// Intended use and limits.
    pub notes: String,
    /// Measured figures by name; fractions in 0..=1.
    pub figures: Vec<(String, f64)>,
}

impl From<&ModelCard<'_>> for Card {
    fn from(card: &ModelCard<'_>) -> Self {
        let figures = card.figures.iter();
        Self {
            name: card.name.to_owned(),
            data: card.data.to_owned(),
            date: card.date.to_owned(),
            licence: card.licence.to_owned(),
            notes: card.notes.to_owned(),
            figures: figures.map(|f| (f.name.to_owned(), f.value)).collect(),
        }
    }
}
