//! The device's configuration: what it may say ([`Config`]) and where it comes from ([`layers`]).

pub mod layers;
mod suggest;

use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::capture::options::CameraOptions;
use crate::counter::CounterOptions;
use crate::kiosk::KioskOptions;
use crate::mqtt::MqttOptions;
use crate::output::display::DisplayOptions;
use crate::output::exec::ExecOptions;
use crate::output::led::LedOptions;
use crate::output::rgb::RgbOptions;
use crate::pipeline::shedding::SheddingOptions;
use crate::smooth::SmoothingOptions;
use crate::track::TrackingOptions;
use crate::update::UpdateOptions;

/// What the configuration file may set. Unknown keys are errors: a misspelt one would otherwise
/// be silently without effect.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Expression model file; relative paths count from the configuration file's folder.
    pub model: Option<PathBuf>,
    /// Face detector file; likewise.
    pub detector: Option<PathBuf>,
    /// Width and height in pixels that a YuNet's pictures are reduced to fit into.
    pub detector_input_px: Option<[u32; 2]>,
    /// Whether a cascade's pictures have their histogram equalized first.
    #[serde(default)]
    pub detector_equalize: bool,
    /// What `--source` names, where it is not given.
    pub source: Option<String>,
    /// What is logged, where `RUST_LOG` does not say.
    #[serde(default)]
    pub log_level: LogLevel,
    /// What to ask a camera for.
    #[serde(default)]
    pub camera: CameraOptions,
    /// Where results go, where `--output` does not say.
    #[serde(default = "terminal_only")]
    pub outputs: Vec<OutputName>,
    /// A light per expression.
    #[serde(default)]
    pub led: LedOptions,
    /// A coloured light or strip.
    #[serde(default)]
    pub rgb: RgbOptions,
    /// A small display.
    #[serde(default)]
    pub display: DisplayOptions,
    /// A program that is run when the expression changes.
    #[serde(default)]
    pub exec: ExecOptions,
    /// When to do less.
    #[serde(default)]
    pub shedding: SheddingOptions,
    /// Whether and how visits are counted.
    #[serde(default)]
    pub counter: CounterOptions,
    /// A page for a screen, and an API.
    #[serde(default)]
    pub kiosk: KioskOptions,
    /// A broker that is told what is seen.
    #[serde(default)]
    pub mqtt: MqttOptions,
    /// How faces are followed.
    #[serde(default)]
    pub tracking: TrackingOptions,
    /// How verdicts are smoothed.
    #[serde(default)]
    pub smoothing: SmoothingOptions,
    /// Whose models are run, and how new ones are tried.
    #[serde(default)]
    pub updates: UpdateOptions,
}

/// The least weight of what is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What may go wrong.
    #[default]
    Warn,
    /// What happens.
    Info,
    /// What happens inside.
    Debug,
    /// All of it.
    Trace,
}

impl LogLevel {
    /// As the configuration spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// An output by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputName {
    /// The terminal.
    Terminal,
    /// A light per expression.
    Led,
    /// A coloured light or strip.
    Rgb,
    /// A small display.
    Display,
    /// A program.
    Exec,
}

impl OutputName {
    /// As the configuration and `--output` spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Led => "led",
            Self::Rgb => "rgb",
            Self::Display => "display",
            Self::Exec => "exec",
        }
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OutputName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [
            Self::Terminal,
            Self::Led,
            Self::Rgb,
            Self::Display,
            Self::Exec,
        ];
        all.into_iter()
            .find(|output| output.name() == text)
            .ok_or_else(|| format!("there is {}", all.map(Self::name).join(", ")))
    }
}

fn terminal_only() -> Vec<OutputName> {
    vec![OutputName::Terminal]
}

impl Default for Config {
    /// What an empty file says.
    fn default() -> Self {
        Self {
            model: None,
            detector: None,
            detector_input_px: None,
            detector_equalize: false,
            source: None,
            log_level: LogLevel::default(),
            camera: CameraOptions::default(),
            outputs: terminal_only(),
            led: LedOptions::default(),
            rgb: RgbOptions::default(),
            display: DisplayOptions::default(),
            exec: ExecOptions::default(),
            shedding: SheddingOptions::default(),
            counter: CounterOptions::default(),
            kiosk: KioskOptions::default(),
            mqtt: MqttOptions::default(),
            tracking: TrackingOptions::default(),
            smoothing: SmoothingOptions::default(),
            updates: UpdateOptions::default(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A layer is not what it should be.
    #[error("{place}: {message}")]
    Invalid {
        /// The file or the environment variable.
        place: String,
        /// What is wrong and where.
        message: String,
    },
}

impl Config {
    /// All keys with their defaults and what they mean, as TOML.
    pub const DEFAULT_TOML: &str = include_str!("default.toml");

    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn check(&self) -> Result<(), String> {
        self.camera.validate()?;
        self.shedding.validate()?;
        self.tracking.validate()?;
        self.smoothing.validate()?;
        self.led.validate()?;
        self.rgb.validate()?;
        self.display.validate()?;
        self.exec.validate()?;
        self.counter.validate()?;
        self.kiosk.validate()?;
        self.mqtt.validate()?;
        self.updates.validate()?;
        self.check_pins()
    }

    /// A pin has one use.
    fn check_pins(&self) -> Result<(), String> {
        let has = |output| self.outputs.contains(&output);
        let mut used: Vec<(u8, String)> = Vec::new();
        if has(OutputName::Led) {
            let pins = self.led.pins.iter();
            used.extend(pins.map(|(name, &pin)| (pin, format!("[led] pins.{name}"))));
        }
        if has(OutputName::Rgb) {
            let pins: &[u8] = match self.rgb.strip_leds {
                0 => &self.rgb.pins,
                _ => &[10],
            };
            used.extend(pins.iter().map(|&pin| (pin, "[rgb]".to_owned())));
        }
        if has(OutputName::Display) && self.display.bus == 1 {
            used.extend([2, 3].map(|pin| (pin, "[display] bus 1".to_owned())));
        }
        used.sort();
        for pair in used.windows(2) {
            if pair[0].0 == pair[1].0 {
                let (pin, first, second) = (pair[0].0, &pair[0].1, &pair[1].1);
                return Err(format!(
                    "GPIO {pin} is used twice: by {first} and by {second}"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
