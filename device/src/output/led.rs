//! A light per expression: the one of the largest face is on.

use std::collections::BTreeMap;
use std::io;

use mien_models::label::Labels;
use serde::{Deserialize, Serialize};

use super::Output;
use super::light::{Active, Light};
use super::shown::leading;
use crate::board::{Board, BoardError};
use crate::capture::Loss;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// The configuration's `[led]` section.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedOptions {
    /// Label name to pin, by BCM number.
    pub pins: BTreeMap<String, u8>,
    /// The level that lights them.
    pub active: Active,
    /// Brightness of a light that is on, 0..=1.
    pub brightness: f32,
}

impl Default for LedOptions {
    /// Seven pins in the header's outer half that have no other use on any model.
    fn default() -> Self {
        let pins = [
            ("angry", 5),
            ("disgust", 6),
            ("fear", 13),
            ("happy", 16),
            ("sad", 19),
            ("surprise", 20),
            ("neutral", 26),
        ];
        Self {
            pins: pins.map(|(name, pin)| (name.to_owned(), pin)).into(),
            active: Active::High,
            brightness: 1.0,
        }
    }
}

impl LedOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let brightness = self.brightness;
        if !(0.0..=1.0).contains(&brightness) {
            return Err(format!(
                "[led] brightness is {brightness}; it must be 0 to 1"
            ));
        }
        let mut by_pin: BTreeMap<u8, &str> = BTreeMap::new();
        for (name, &pin) in &self.pins {
            if pin > 27 {
                return Err(format!(
                    "[led] pins.{name} is {pin}; the header has GPIO 0 to 27"
                ));
            }
            if let Some(other) = by_pin.insert(pin, name) {
                return Err(format!("[led] pins.{other} and pins.{name} are both {pin}"));
            }
        }
        Ok(())
    }
}

/// The lights.
pub struct Leds {
    lights: Vec<Option<Light>>,
    brightness: f32,
    lit: Option<usize>,
}

impl Leds {
    /// Takes the pins of `labels` from `board` and makes them dark. Labels without a pin have no
    /// light.
    ///
    /// # Errors
    /// If a pin cannot be used.
    pub fn new(
        board: &dyn Board,
        options: &LedOptions,
        labels: &Labels,
    ) -> Result<Self, BoardError> {
        let light = |name: &str| {
            let pin = options.pins.get(name);
            pin.map(|&pin| Light::new(board, pin, options.active))
                .transpose()
        };
        Ok(Self {
            lights: labels.iter().map(light).collect::<Result<_, _>>()?,
            brightness: options.brightness,
            lit: None,
        })
    }

    fn show_label(&mut self, label_index: Option<usize>) -> Result<(), BoardError> {
        if label_index == self.lit {
            return Ok(());
        }
        // Off before on: never two at a time.
        for (index, brightness) in [(self.lit, 0.0), (label_index, self.brightness)] {
            if let Some(Some(light)) = index.and_then(|index| self.lights.get_mut(index)) {
                light.set(brightness)?;
            }
        }
        self.lit = label_index;
        Ok(())
    }

    /// All off, also those that should be off already.
    fn darken(&mut self) -> Result<(), BoardError> {
        self.lit = None;
        // The others go dark even if one does not.
        let mut outcome = Ok(());
        for light in self.lights.iter_mut().flatten() {
            outcome = outcome.and(light.set(0.0));
        }
        outcome
    }
}

impl Output for Leds {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let label_index = leading(judged).map(|leading| leading.label_index);
        self.show_label(label_index).map_err(io::Error::other)
    }

    fn lost(&mut self, _: &Loss) -> io::Result<()> {
        self.show_label(None).map_err(io::Error::other)
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.darken().map_err(io::Error::other)
    }
}

impl Drop for Leds {
    /// Also when a stage panics: no light stays on.
    fn drop(&mut self) {
        let _ = self.darken();
    }
}
