//! The device's configuration file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{env, fmt, fs, io};

use serde::{Deserialize, Serialize};

use crate::capture::options::CameraOptions;
use crate::output::display::DisplayOptions;
use crate::output::exec::ExecOptions;
use crate::output::led::LedOptions;
use crate::output::rgb::RgbOptions;
use crate::smooth::SmoothingOptions;
use crate::track::TrackingOptions;

/// What the configuration file may set. Unknown keys are errors: a misspelt one would otherwise
/// be silently without effect.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// How faces are followed.
    #[serde(default)]
    pub tracking: TrackingOptions,
    /// How verdicts are smoothed.
    #[serde(default)]
    pub smoothing: SmoothingOptions,
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
            source: None,
            camera: CameraOptions::default(),
            outputs: terminal_only(),
            led: LedOptions::default(),
            rgb: RgbOptions::default(),
            display: DisplayOptions::default(),
            exec: ExecOptions::default(),
            tracking: TrackingOptions::default(),
            smoothing: SmoothingOptions::default(),
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
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
}

impl Config {
    /// Reads `explicit`, or else `$XDG_CONFIG_HOME/mien/config.toml` (usually
    /// `~/.config/mien/config.toml`), which may be missing.
    pub fn load(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(path) = explicit {
            return Self::read(path);
        }
        let Some(path) = default_path(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME")) else {
            return Ok(Self::default());
        };
        match Self::read(&path) {
            Err(ConfigError::Unreadable { error, .. })
                if error.kind() == io::ErrorKind::NotFound =>
            {
                Ok(Self::default())
            }
            result => result,
        }
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

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let invalid = |message: String| ConfigError::Invalid {
            path: path.to_owned(),
            message,
        };
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        config.camera.validate().map_err(invalid)?;
        config.led.validate().map_err(invalid)?;
        config.rgb.validate().map_err(invalid)?;
        config.display.validate().map_err(invalid)?;
        config.exec.validate().map_err(invalid)?;
        config.check_pins().map_err(invalid)?;
        config.tracking.validate().map_err(invalid)?;
        config.smoothing.validate().map_err(invalid)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.model, &mut config.detector]
            .into_iter()
            .flatten()
        {
            *file = folder.join(&*file);
        }
        Ok(config)
    }
}

/// XDG Base Directory Specification: a relative `$XDG_CONFIG_HOME` is ignored.
fn default_path(xdg_config_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let folder = xdg_config_home
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| home.map(|home| Path::new(&home).join(".config")))?;
    Some(folder.join("mien/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (PathBuf, Result<Config, ConfigError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        (folder.path().to_owned(), Config::load(Some(&path)))
    }

    #[test]
    fn paths_count_from_the_file() {
        let (folder, config) = read("model = \"m.postcard\"\ndetector = \"/d.postcard\"\n");
        let config = config.unwrap();
        assert_eq!(config.model, Some(folder.join("m.postcard")));
        assert_eq!(config.detector, Some("/d.postcard".into()));
    }

    #[test]
    fn empty_is_fine_and_unknown_keys_are_not() {
        assert_eq!(read("").1.unwrap(), Config::default());
        for text in ["modell = \"m\"", "model = 3", "model = "] {
            let error = read(text).1.unwrap_err();
            assert!(matches!(error, ConfigError::Invalid { .. }), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("config.toml: TOML parse error at line 1"),
                "{error}"
            );
        }
    }

    #[test]
    fn sections_keep_defaults_and_check_ranges() {
        let config = read("[tracking]\ndetect_every_frames = 3\n[smoothing]\n").1;
        let config = config.unwrap();
        assert_eq!(config.tracking.detect_every_frames, 3);
        assert_eq!(config.tracking.memory_ms, 3000);
        assert_eq!(config.smoothing, SmoothingOptions::default());
        for (text, named) in [
            ("[tracking]\ndetect_every_frames = 0", "must be 1 to 1000"),
            (
                "[tracking]\nmin_correlation = nan",
                "min_correlation is NaN",
            ),
            ("[tracking]\nmemory_ms = 90000", "memory_ms is 90000"),
            ("[tracking]\nmemory_ms = -1", "line 2"),
            ("[tracking]\nmemory = 5", "unknown field `memory`"),
            ("[smoothing]\nuncertain_below = 1.5", "must be 0 to 1"),
            ("[smoothing]\ntime_constant_ms = \"1 s\"", "line 2"),
        ] {
            let error = read(text).1.unwrap_err().to_string();
            assert!(
                error.contains("config.toml: ") && error.contains(named),
                "{error}"
            );
        }
    }

    #[test]
    fn the_detector_s_input_is_two_numbers() {
        let config = read("detector_input_px = [320, 240]").1.unwrap();
        assert_eq!(config.detector_input_px, Some([320, 240]));
        assert!(read("detector_input_px = 320").1.is_err());
    }

    #[test]
    fn equalization_is_off_unless_asked_for() {
        assert!(!read("").1.unwrap().detector_equalize);
        assert!(
            read("detector_equalize = true")
                .1
                .unwrap()
                .detector_equalize
        );
        assert!(read("detector_equalize = 1").1.is_err());
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = Config::load(Some(Path::new("does/not/exist.toml"))).unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable { .. }));
    }

    #[test]
    fn default_place_follows_xdg() {
        let path = |xdg: Option<&str>, home: Option<&str>| {
            default_path(xdg.map(Into::into), home.map(Into::into))
        };
        assert_eq!(
            path(Some("/x"), Some("/h")),
            Some("/x/mien/config.toml".into())
        );
        assert_eq!(
            path(Some("x"), Some("/h")),
            Some("/h/.config/mien/config.toml".into())
        );
        assert_eq!(
            path(None, Some("/h")),
            Some("/h/.config/mien/config.toml".into())
        );
        assert_eq!(path(None, None), None);
    }
}
