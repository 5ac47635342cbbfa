//! How commands search for faces: what a user may set, and the defaults.

use anyhow::anyhow;
use mien_device::config::Config;
use mien_device::detect::cascade::CascadeOptions;
use mien_device::detect::yunet::YunetOptions;
use mien_device::model_file::Origin;

use super::Failure;

/// How to search for faces; what is not given keeps the command's default.
#[derive(clap::Args)]
pub struct SearchArgs {
    /// Smallest face, side in pixels
    #[arg(long, value_name = "PIXELS", help_heading = "Face search")]
    min_size: Option<u32>,
    /// Cascade: ratio between two sizes that are searched, 1.01 or more
    #[arg(long, value_name = "RATIO", help_heading = "Face search")]
    scale_factor: Option<f64>,
    /// Cascade: a face needs more overlapping hits than this; more means fewer false alarms
    #[arg(long, value_name = "N", help_heading = "Face search")]
    min_neighbors: Option<u32>,
    /// Cascade: equalize the brightness first, for dim or flat pictures
    #[arg(long, help_heading = "Face search")]
    equalize: bool,
    /// YuNet: reduce larger pictures to fit into this size, such as 320x240; a smaller one is
    /// faster and misses small faces
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = "Face search")]
    input_size: Option<[u32; 2]>,
    /// YuNet: least score of a face, 0 to 1; more means fewer false alarms
    #[arg(long, value_name = "SCORE", help_heading = "Face search")]
    min_score: Option<f32>,
}

/// Options for each kind of detector.
#[derive(Clone, Copy)]
pub struct Search {
    /// For cascades.
    pub cascade: CascadeOptions,
    /// For YuNets.
    pub yunet: YunetOptions,
}

impl Search {
    /// For photographs: small faces count, and time does not.
    pub fn of_photographs() -> Self {
        Self {
            cascade: CascadeOptions::of_photographs(),
            yunet: YunetOptions::of_photographs(),
        }
    }

    /// For faces near the camera, fast enough for a Pi.
    pub fn live() -> Self {
        Self {
            cascade: CascadeOptions {
                scale_factor: 1.2,
                min_neighbors: 4,
                min_size_px: 80,
                ..CascadeOptions::default()
            },
            yunet: YunetOptions::default(),
        }
    }
}

impl SearchArgs {
    /// The options: these, else the configuration's, else `defaults`.
    pub fn fill_in(&self, defaults: Search, config: &Config) -> Search {
        let Search { cascade, yunet } = defaults;
        let input_px = self.input_size.or(config.detector_input_px);
        Search {
            cascade: CascadeOptions {
                scale_factor: self.scale_factor.unwrap_or(cascade.scale_factor),
                min_neighbors: self.min_neighbors.unwrap_or(cascade.min_neighbors),
                min_size_px: self.min_size.unwrap_or(cascade.min_size_px),
                equalize: self.equalize || config.detector_equalize || cascade.equalize,
                ..cascade
            },
            yunet: YunetOptions {
                input_px: input_px.unwrap_or(yunet.input_px),
                min_score: self.min_score.unwrap_or(yunet.min_score),
                min_size_px: self.min_size.unwrap_or(yunet.min_size_px),
                ..yunet
            },
        }
    }

    /// That nothing was asked for that only cascades know.
    pub fn refuse_cascade_options(&self, origin: &Origin) -> Result<(), Failure> {
        let given = [
            ("--scale-factor", self.scale_factor.is_some()),
            ("--min-neighbors", self.min_neighbors.is_some()),
            ("--equalize", self.equalize),
        ];
        refuse(&given, "is for cascades", "a YuNet detector", origin)
    }

    /// That nothing was asked for that only YuNets know.
    pub fn refuse_yunet_options(&self, origin: &Origin) -> Result<(), Failure> {
        let given = [
            ("--input-size", self.input_size.is_some()),
            ("--min-score", self.min_score.is_some()),
        ];
        refuse(&given, "is for YuNet detectors", "a cascade", origin)
    }
}

fn refuse(
    given: &[(&str, bool)],
    belongs: &str,
    found: &str,
    origin: &Origin,
) -> Result<(), Failure> {
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::Usage(anyhow!(
            "{option} {belongs}; {origin} is {found}"
        ))),
        None => Ok(()),
    }
}

fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let size = text.split_once('x').and_then(|(width, height)| {
        let side = |text: &str| text.parse::<u32>().ok();
        Some([side(width)?, side(height)?])
    });
    size.ok_or_else(|| "a width and a height in pixels, such as 320x240".to_owned())
}
