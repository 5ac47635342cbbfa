//! What seldom changes during a run: version, model, labels and how they look, settings.

use mien_models::label::{Rgb, appearance};
use serde::Serialize;

use crate::card::Card;
use crate::pipeline::exchange::Models;

/// Facts about this device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// The program's version.
    pub version: &'static str,
    /// The expression model's card.
    pub model: Card,
    /// The face detector's name.
    pub detector: String,
    /// The labels in the model's order.
    pub labels: Vec<Look>,
    /// The configuration that counts, as TOML; for the owner alone.
    #[serde(skip)]
    pub settings: String,
}

/// How a label looks; every output draws the same face from these numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// The label.
    pub name: String,
    /// Its colour as `#rrggbb`.
    pub color: String,
    /// Height of the brows, -100..=100 percent of their travel.
    pub brow_raise: i8,
    /// Slant of the brows, -100..=100; positive has the inner ends up.
    pub brow_slant: i8,
    /// Opening of the eyes, 0..=100; 60 is at rest.
    pub eye_open: u8,
    /// Curve of the mouth, -100..=100; positive has the corners up.
    pub mouth_curve: i8,
    /// Opening of the mouth, 0..=100.
    pub mouth_open: u8,
    /// Raised upper lip on one side, 0..=100.
    pub sneer: u8,
}

impl About {
    /// About a run of this program.
    pub fn new(models: &Models, settings: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            model: models.card.clone(),
            detector: models.detector.clone(),
            labels: models.labels.iter().map(Look::of).collect(),
            settings,
        }
    }
}

impl Look {
    fn of(name: &str) -> Self {
        let looks = appearance(name);
        let Rgb { r, g, b } = looks.color;
        let icon = looks.icon;
        Self {
            name: name.to_owned(),
            color: format!("#{r:02x}{g:02x}{b:02x}"),
            brow_raise: icon.brow_raise,
            brow_slant: icon.brow_slant,
            eye_open: icon.eye_open,
            mouth_curve: icon.mouth_curve,
            mouth_open: icon.mouth_open,
            sneer: icon.sneer,
        }
    }
}
