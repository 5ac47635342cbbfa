//! One light on one pin.

use serde::{Deserialize, Serialize};

use crate::board::{Board, BoardError, PwmPin};

/// The level that lights a light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// Between the pin and ground.
    #[default]
    High,
    /// Between the supply and the pin.
    Low,
}

/// A light.
pub struct Light {
    pin: PwmPin,
    active: Active,
}

impl Light {
    /// Takes pin `number` (BCM numbering) from `board`; the light is dark.
    ///
    /// # Errors
    /// If the pin cannot be used.
    pub fn new(board: &dyn Board, number: u8, active: Active) -> Result<Self, BoardError> {
        let pin = board.pin(number, active == Active::Low)?;
        Ok(Self { pin, active })
    }

    /// Sets the share of time that it is on, 0..=1.
    ///
    /// # Errors
    /// If the pin cannot be set.
    pub fn set(&mut self, share: f32) -> Result<(), BoardError> {
        let max = f32::from(self.pin.max_duty_cycle());
        let on = (share.clamp(0.0, 1.0) * max).round() as u16;
        let duty = match self.active {
            Active::High => on,
            Active::Low => max as u16 - on,
        };
        self.pin.set_duty_cycle(duty)
    }
}
