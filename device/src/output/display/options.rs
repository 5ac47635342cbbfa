//! The configuration's `[display]` section.

use serde::{Deserialize, Serialize};

/// Columns that a chip's memory has at most.
pub const MAX_WIDTH: usize = 132;

/// The chip behind the display; they differ in how they make their supply voltage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// SSD1306: a charge pump.
    #[default]
    Ssd1306,
    /// SH1106: a converter; its memory is 132 columns wide, of which 128 show from the third on.
    Sh1106,
    /// SSD0303: supplied from outside.
    Ssd0303,
}

/// Where the display is and what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DisplayOptions {
    /// I2C bus.
    pub bus: u8,
    /// I2C address, 3 to 119.
    pub address: u8,
    /// The chip.
    pub controller: Controller,
    /// Columns, 32 to 132.
    pub width_px: u8,
    /// Rows, 16 to 64, a multiple of 8.
    pub height_px: u8,
    /// The first column's number in the chip's memory (SH1106: mostly 2).
    pub column_offset: u8,
    /// Turned by half a circle.
    pub upside_down: bool,
    /// Contrast, 0 to 255.
    pub contrast: u8,
    /// Least time between two pictures, milliseconds.
    pub refresh_ms: u32,
}

impl Default for DisplayOptions {
    fn default() -> Self {
        Self {
            bus: 1,
            address: 0x3c,
            controller: Controller::Ssd1306,
            width_px: 128,
            height_px: 64,
            column_offset: 0,
            upside_down: false,
            contrast: 0x8f,
            refresh_ms: 100,
        }
    }
}

impl DisplayOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value, [least, most]) in [
            ("address", self.address.into(), [3, 119]),
            ("width_px", self.width_px.into(), [32, MAX_WIDTH as u32]),
            ("height_px", self.height_px.into(), [16, 64]),
            ("refresh_ms", self.refresh_ms, [20, 10_000]),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "[display] {key} is {value}; it must be {least} to {most}"
                ));
            }
        }
        if !self.height_px.is_multiple_of(8) {
            let height = self.height_px;
            return Err(format!(
                "[display] height_px is {height}; it must be a multiple of 8"
            ));
        }
        let columns = u32::from(self.column_offset) + u32::from(self.width_px);
        if columns as usize > MAX_WIDTH {
            return Err(format!(
                "[display] column_offset and width_px are {columns} together; the chips have {MAX_WIDTH}"
            ));
        }
        Ok(())
    }
}
