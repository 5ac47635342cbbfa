//! A light of three colours, or a strip of them: the largest face's expression as a colour that
//! changes smoothly, stronger the surer it is.

use std::io;

use mien_models::label::Labels;
use serde::{Deserialize, Serialize};
use smart_leds::{RGB8, RGBA, SmartLedsWrite as _, White};
use ws2812_spi::hosted::Ws2812;
use ws2812_spi::hosted::devices::Sk6812w;

use super::Output;
use super::fade::{Fade, light_of};
use super::light::{Active, Light};
use super::shown::leading;
use crate::board::{Board, BoardError, Serial};
use crate::capture::Loss;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// What WS2812s need on SPI: four bits of it make one of theirs.
const STRIP_CLOCK_HZ: u32 = 3_000_000;

/// The configuration's `[rgb]` section.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RgbOptions {
    /// Pins of red, green and blue, by BCM number; used where there is no strip.
    pub pins: [u8; 3],
    /// The level that lights them.
    pub active: Active,
    /// Number of WS2812 or SK6812 lights on a strip whose data line is that of SPI bus 0
    /// (GPIO 10); 0 is no strip but three pins.
    pub strip_leds: u16,
    /// Whether each of them has a white light as well (SK6812 RGBW).
    pub strip_white: bool,
    /// Brightness at full certainty, 0..=1.
    pub brightness: f32,
    /// Time in which about two thirds of a change of colour are done, milliseconds.
    pub fade_ms: u32,
}

impl Default for RgbOptions {
    fn default() -> Self {
        Self {
            pins: [17, 27, 22],
            active: Active::High,
            strip_leds: 0,
            strip_white: false,
            brightness: 0.5,
            fade_ms: 250,
        }
    }
}

impl RgbOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let brightness = self.brightness;
        if !(0.0..=1.0).contains(&brightness) {
            return Err(format!(
                "[rgb] brightness is {brightness}; it must be 0 to 1"
            ));
        }
        if self.fade_ms > 10_000 {
            return Err(format!(
                "[rgb] fade_ms is {}; it must be 0 to 10000",
                self.fade_ms
            ));
        }
        if self.strip_leds > 1000 {
            let leds = self.strip_leds;
            return Err(format!("[rgb] strip_leds is {leds}; it must be 0 to 1000"));
        }
        let [r, g, b] = self.pins;
        if let Some(pin) = self.pins.iter().find(|&&pin| pin > 27) {
            return Err(format!("[rgb] pins has {pin}; the header has GPIO 0 to 27"));
        }
        if r == g || g == b || b == r {
            return Err(format!(
                "[rgb] pins is [{r}, {g}, {b}]; it must be three different ones"
            ));
        }
        Ok(())
    }
}

/// Where the colour goes.
enum Target {
    Pins([Light; 3]),
    Strip {
        strip: Box<Ws2812<SerialLine>>,
        leds: usize,
    },
    WhiteStrip {
        strip: Box<Ws2812<SerialLine, Sk6812w>>,
        leds: usize,
    },
}

impl Target {
    /// `color` is light, 0..=1 each.
    fn set(&mut self, color: [f32; 3]) -> Result<(), BoardError> {
        match self {
            Self::Pins(lights) => {
                // The others are set even if one cannot be.
                let mut outcome = Ok(());
                for (light, share) in lights.iter_mut().zip(color) {
                    outcome = outcome.and(light.set(share));
                }
                outcome
            }
            Self::Strip { strip, leds } => {
                let [r, g, b] = color.map(byte);
                strip.write(std::iter::repeat_n(RGB8 { r, g, b }, *leds))
            }
            Self::WhiteStrip { strip, leds } => {
                // What all three have in common is white, and the white light's to give.
                let white = color.into_iter().fold(1.0, f32::min);
                let [r, g, b] = color.map(|value| byte(value - white));
                let color = RGBA {
                    r,
                    g,
                    b,
                    a: White(byte(white)),
                };
                strip.write(std::iter::repeat_n(color, *leds))
            }
        }
    }
}

/// A share of 1 in 255ths.
fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// [`Serial`] as the strip's driver wants it.
struct SerialLine(Serial);

impl embedded_hal::spi::ErrorType for SerialLine {
    type Error = BoardError;
}

impl embedded_hal::spi::SpiBus for SerialLine {
    fn read(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        self.0.read(words)
    }

    fn write(&mut self, words: &[u8]) -> Result<(), BoardError> {
        self.0.write(words)
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), BoardError> {
        self.0.transfer(read, write)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        self.0.transfer_in_place(words)
    }

    fn flush(&mut self) -> Result<(), BoardError> {
        self.0.flush()
    }
}

/// The coloured light.
pub struct RgbLight {
    target: Target,
    fade: Fade,
    brightness: f32,
    labels: Labels,
    shown: Option<[f32; 3]>,
}

impl RgbLight {
    /// Takes the pins or the bus from `board` and makes the light dark.
    ///
    /// # Errors
    /// If a pin or the bus cannot be used.
    pub fn new(
        board: &dyn Board,
        options: &RgbOptions,
        labels: &Labels,
    ) -> Result<Self, BoardError> {
        let target = if options.strip_leds > 0 {
            let serial = SerialLine(board.spi(0, STRIP_CLOCK_HZ)?);
            let leds = options.strip_leds.into();
            if options.strip_white {
                let strip = Box::new(Ws2812::new_sk6812w(serial));
                Target::WhiteStrip { strip, leds }
            } else {
                let strip = Box::new(Ws2812::new(serial));
                Target::Strip { strip, leds }
            }
        } else {
            let [r, g, b] = options
                .pins
                .map(|pin| Light::new(board, pin, options.active));
            Target::Pins([r?, g?, b?])
        };
        let mut light = Self {
            target,
            fade: Fade::new(options.fade_ms),
            brightness: options.brightness,
            labels: labels.clone(),
            shown: None,
        };
        light.set([0.0; 3])?;
        Ok(light)
    }

    fn set(&mut self, color: [f32; 3]) -> Result<(), BoardError> {
        if self.shown == Some(color) {
            return Ok(());
        }
        self.shown = Some(color);
        self.target.set(color)
    }

    fn darken(&mut self) -> Result<(), BoardError> {
        self.fade.darken();
        self.shown = None;
        self.set([0.0; 3])
    }
}

impl Output for RgbLight {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let target = leading(judged).map_or([0.0; 3], |leading| {
            let name = self.labels.name(leading.label_index).unwrap_or_default();
            light_of(name, leading, self.brightness)
        });
        let color = self.fade.step(target, judged.frame.timestamp_ms);
        self.set(color).map_err(io::Error::other)
    }

    fn lost(&mut self, _: &Loss) -> io::Result<()> {
        self.darken().map_err(io::Error::other)
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.darken().map_err(io::Error::other)
    }
}

impl Drop for RgbLight {
    /// Also when a stage panics: no light stays on.
    fn drop(&mut self) {
        let _ = self.darken();
    }
}
