//! A small one-colour display on I2C.

pub mod draw;
pub mod icon;
pub mod oled;
mod options;

use std::io;
use std::time::{Duration, Instant};

use mien_models::label::{Labels, MAX_LABELS};

use super::Output;
use super::shown::leading;
use crate::board::{Board, BoardError};
use crate::capture::Loss;
use crate::counter::today::Today;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;
use draw::{Mood, Scene};
use oled::Oled;
pub use options::{Controller, DisplayOptions};

/// The display as an output.
pub struct Display {
    oled: Oled,
    labels: Labels,
    refresh: Duration,
    last: Option<Instant>,
    visitors: u64,
    today: Option<Today>,
}

impl Display {
    /// Takes the bus from `board`, switches the display on and shows that nobody is here.
    ///
    /// # Errors
    /// If the bus cannot be used or the display does not answer.
    pub fn new(
        board: &dyn Board,
        options: &DisplayOptions,
        labels: &Labels,
    ) -> Result<Self, BoardError> {
        let mut display = Self {
            oled: Oled::new(board.i2c(options.bus)?, options)?,
            labels: labels.clone(),
            refresh: Duration::from_millis(options.refresh_ms.into()),
            last: None,
            visitors: 0,
            today: None,
        };
        display.draw(Mood::Nobody, &[])?;
        Ok(display)
    }

    /// Shows today's visits from now on; without it, the faces followed since the begin.
    pub fn with_today(mut self, today: Option<Today>) -> Self {
        self.today = today;
        self
    }

    fn draw(&mut self, mood: Mood<'_>, probabilities: &[f32]) -> Result<(), BoardError> {
        let bars: heapless::Vec<_, MAX_LABELS> = self
            .labels
            .iter()
            .zip(probabilities.iter().copied())
            .collect();
        let scene = Scene {
            mood,
            bars: &bars,
            visitors: self.visitors,
        };
        self.oled.clear();
        draw::draw(&mut self.oled, &scene);
        self.oled.flush()
    }
}

impl Output for Display {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let newest = judged.faces.iter().map(|face| face.track_id).max();
        self.visitors = match &self.today {
            Some(today) => today.get().visits,
            // Ids ascend from 1.
            None => self.visitors.max(newest.unwrap_or(0)),
        };
        if self.last.is_some_and(|last| last.elapsed() < self.refresh) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        let labels = self.labels.clone();
        let mood = match (judged.faces.first(), leading(judged)) {
            (None, _) => Mood::Nobody,
            (Some(_), None) => Mood::Uncertain,
            (Some(_), Some(leading)) => {
                Mood::Certain(labels.name(leading.label_index).unwrap_or_default())
            }
        };
        let probabilities = judged.faces.first();
        let probabilities = probabilities.map_or(&[][..], |face| &face.shown.probabilities);
        self.draw(mood, probabilities).map_err(io::Error::other)
    }

    fn lost(&mut self, _: &Loss) -> io::Result<()> {
        self.last = None;
        self.draw(Mood::NoCamera, &[]).map_err(io::Error::other)
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.oled.darken().map_err(io::Error::other)
    }
}

impl Drop for Display {
    /// Also when a stage panics: nothing that no longer holds stays to be read.
    fn drop(&mut self) {
        let _ = self.oled.darken();
    }
}
