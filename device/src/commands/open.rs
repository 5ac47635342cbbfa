//! Opening what commands work with: configuration, detector and classifier.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mien_device::classify::Classifier;
use mien_device::config::Config;
use mien_device::detect::DetectError;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::model_file::{ModelFile, ModelFileError};
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::Payload;
use mien_models::embedded;

use super::Failure;

/// How to search for faces; what is not given keeps the command's default.
#[derive(clap::Args)]
pub struct SearchArgs {
    /// Ratio between two sizes that are searched, 1.01 or more
    #[arg(long, value_name = "RATIO", help_heading = "Face search")]
    pub scale_factor: Option<f64>,
    /// A face needs more overlapping hits than this; more means fewer false alarms
    #[arg(long, value_name = "N", help_heading = "Face search")]
    pub min_neighbors: Option<u32>,
    /// Smallest face, side in pixels
    #[arg(long, value_name = "PIXELS", help_heading = "Face search")]
    pub min_size: Option<u32>,
    /// Equalize the brightness first, for dim or flat pictures
    #[arg(long, help_heading = "Face search")]
    pub equalize: bool,
}

impl SearchArgs {
    /// The options, with `defaults` where nothing was given.
    pub fn options(&self, defaults: CascadeOptions) -> CascadeOptions {
        CascadeOptions {
            scale_factor: self.scale_factor.unwrap_or(defaults.scale_factor),
            min_neighbors: self.min_neighbors.unwrap_or(defaults.min_neighbors),
            min_size_px: self.min_size.unwrap_or(defaults.min_size_px),
            equalize: self.equalize || defaults.equalize,
            ..defaults
        }
    }
}

/// For photographs: OpenCV's steps, but a face takes more than its three hits; of three, ties and
/// gravel are accused too often.
pub fn photograph_search() -> CascadeOptions {
    CascadeOptions {
        min_neighbors: 5,
        ..CascadeOptions::default()
    }
}

/// Which configuration file to read.
#[derive(clap::Args)]
pub struct ConfigArgs {
    /// Configuration file [default: ~/.config/mien/config.toml, if there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The configuration.
    pub fn load(&self) -> Result<Config, Failure> {
        Config::load(self.config.as_deref()).map_err(|error| {
            Failure::Usage(anyhow!(error).context("the configuration cannot be used"))
        })
    }
}

/// The detector from `argument`, the configuration or the program itself.
pub fn detector(
    argument: Option<&Path>,
    config: &Config,
    options: CascadeOptions,
) -> Result<CascadeDetector, Failure> {
    let configured = config.detector.as_deref();
    let file = find::<CascadeModel<'_>>(argument, configured, embedded::CASCADE)?;
    let (_, model) = file
        .decode::<CascadeModel<'_>>()
        .map_err(|error| unusable(error, "detector"))?;
    CascadeDetector::new(&model, options).map_err(|error| match error {
        DetectError::ScaleFactor { .. } => Failure::Usage(error.into()),
        _ => Failure::Nothing(anyhow!(error).context(format!("{} cannot be used", file.origin))),
    })
}

/// The classifier from `argument`, the configuration or the program itself, and its name.
pub fn classifier(
    argument: Option<&Path>,
    config: &Config,
) -> Result<(Classifier, String), Failure> {
    let configured = config.model.as_deref();
    let file = find::<ExpressionModel<'_>>(argument, configured, embedded::EXPRESSION)?;
    let (_, model) = file
        .decode::<ExpressionModel<'_>>()
        .map_err(|error| unusable(error, "model"))?;
    let classifier = Classifier::new(&model)
        .with_context(|| format!("{} cannot be used", file.origin))
        .map_err(Failure::Nothing)?;
    Ok((classifier, model.card.name.to_owned()))
}

fn find<P: Payload<'static>>(
    argument: Option<&Path>,
    configured: Option<&Path>,
    embedded: &'static [u8],
) -> Result<ModelFile, Failure> {
    ModelFile::find::<P>(argument, configured, embedded)
        .map_err(|error| unusable(error, P::KIND.name()))
}

fn unusable(error: ModelFileError, what: &str) -> Failure {
    let hint = match &error {
        ModelFileError::Unreadable { .. } => "hint: check the path and its permissions",
        _ => "hint: `mien inspect FILE` shows what a model file holds",
    };
    Failure::Nothing(anyhow!(error).context(format!("no usable {what} ({hint})")))
}
