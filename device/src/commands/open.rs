//! Opening what commands work with: configuration, detector and classifier.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mien_device::classify::Classifier;
use mien_device::config::Config;
use mien_device::config::layers::{self, Loaded, Places};
use mien_device::detect::cascade::CascadeDetector;
use mien_device::detect::yunet::YunetDetector;
use mien_device::detect::{DetectError, Detector};
use mien_device::model_file::{ModelFile, ModelFileError};
use mien_device::update::trust::{NotTrusted, Origin as TrustedBy, Trust};
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::{Kind, Payload};
use mien_models::embedded;
use mien_models::yunet::YunetModel;

use super::Failure;
pub use super::search::{Search, SearchArgs};

/// Which configuration to read.
#[derive(clap::Args)]
pub struct ConfigArgs {
    /// Configuration file [default: /etc/mien/config.toml, /etc/mien/conf.d/*.toml and
    /// ~/.config/mien/config.toml, those that are there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The configuration.
    pub fn load(&self) -> Result<Config, Failure> {
        self.load_with_origins().map(|loaded| loaded.config)
    }

    /// The same choice for another command's line.
    pub fn arguments(&self) -> Vec<OsString> {
        let file = self.config.iter();
        file.flat_map(|path| ["--config".into(), path.into()])
            .collect()
    }

    /// The configuration and where each key was set.
    pub fn load_with_origins(&self) -> Result<Loaded, Failure> {
        layers::load(self.config.as_deref(), &Places::this()).map_err(|error| {
            Failure::Usage(anyhow!(error).context("the configuration cannot be used"))
        })
    }
}

/// Which model files a command works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Those that are trusted: what watches people must not be a stranger's.
    Trusted,
    /// Any; unsigned ones are mentioned.
    Any,
}

/// The keys that the configuration names.
pub fn trust(config: &Config) -> Result<Trust, Failure> {
    Trust::load(&config.updates).map_err(|error| Failure::Usage(error.into()))
}

/// That the file may be worked with.
fn admit(file: &ModelFile, config: &Config, need: Need, what: &str) -> Result<(), Failure> {
    match file.trusted_by(&trust(config)?) {
        Ok(TrustedBy::Unsigned) => tracing::warn!("{} is unsigned", file.origin),
        Ok(TrustedBy::Bundled | TrustedBy::Signed(_)) => {}
        Err(error) if need == Need::Trusted => return Err(unusable(error, what)),
        Err(ModelFileError::NotTrusted { origin, error }) => match error {
            NotTrusted::Unsigned => tracing::warn!("{origin} is unsigned"),
            NotTrusted::Signature(error) => tracing::warn!("{origin} counts as unsigned: {error}"),
        },
        Err(error) => return Err(unusable(error, what)),
    }
    Ok(())
}

/// The detector from `argument`, the configuration or the program itself; what kind of file it is
/// decides how faces are found. `search` is the command's own, where nothing else is asked for.
pub fn detector(
    argument: Option<&Path>,
    config: &Config,
    asked: &SearchArgs,
    search: Search,
    need: Need,
) -> Result<Box<dyn Detector + Send>, Failure> {
    let most_bytes = CascadeModel::MAX_PAYLOAD_BYTES.max(YunetModel::MAX_PAYLOAD_BYTES);
    let configured = config.detector.as_deref();
    let file = ModelFile::find(argument, configured, embedded::CASCADE, most_bytes)
        .map_err(|error| unusable(error, "detector"))?;
    admit(&file, config, need, "detector")?;
    let search = asked.fill_in(search, config);
    let refused = |error: DetectError| match error {
        DetectError::ScaleFactor { .. }
        | DetectError::InputSize { .. }
        | DetectError::MinScore { .. } => Failure::Usage(error.into()),
        _ => Failure::Nothing(anyhow!(error).context(format!("{} cannot be used", file.origin))),
    };
    match file.kind().map_err(|error| unusable(error, "detector"))? {
        Kind::Cascade => {
            asked.refuse_yunet_options(&file.origin)?;
            let (_, model) = file
                .decode::<CascadeModel<'_>>()
                .map_err(|error| unusable(error, "detector"))?;
            let detector = CascadeDetector::new(&model, search.cascade).map_err(refused)?;
            Ok(Box::new(detector))
        }
        Kind::Yunet => {
            asked.refuse_cascade_options(&file.origin)?;
            let (_, model) = file
                .decode::<YunetModel<'_>>()
                .map_err(|error| unusable(error, "detector"))?;
            let detector = YunetDetector::new(&model, search.yunet).map_err(refused)?;
            Ok(Box::new(detector))
        }
        other => Err(Failure::Nothing(anyhow!(
            "no usable detector (hint: `mien import` makes one of OpenCV's cascades or of a YuNet): \
             {}: the file holds {}, neither a {} nor a {}",
            file.origin,
            with_article(other),
            Kind::Cascade,
            Kind::Yunet,
        ))),
    }
}

/// The classifier from `argument`, the configuration or the program itself.
pub fn classifier(
    argument: Option<&Path>,
    config: &Config,
    need: Need,
) -> Result<Classifier, Failure> {
    let configured = config.model.as_deref();
    let most_bytes = ExpressionModel::MAX_PAYLOAD_BYTES;
    let file = ModelFile::find(argument, configured, embedded::EXPRESSION, most_bytes)
        .map_err(|error| unusable(error, Kind::Expression.name()))?;
    admit(&file, config, need, "model")?;
    let (_, model) = file
        .decode::<ExpressionModel<'_>>()
        .map_err(|error| unusable(error, "model"))?;
    Classifier::new(&model)
        .with_context(|| format!("{} cannot be used", file.origin))
        .map_err(Failure::Nothing)
}

fn unusable(error: ModelFileError, what: &str) -> Failure {
    let hint = match &error {
        ModelFileError::Unreadable { .. } => "hint: check the path and its permissions",
        ModelFileError::NotTrusted { .. } => {
            "hint: `mien sign` signs it, [updates] trusted_keys says whose signatures count, and \
             `allow_unsigned = true` lets everything in"
        }
        _ => "hint: `mien inspect FILE` shows what a model file holds",
    };
    Failure::Nothing(anyhow!(error).context(format!("no usable {what} ({hint})")))
}

fn with_article(kind: Kind) -> String {
    let article = if kind == Kind::Expression { "an" } else { "a" };
    format!("{article} {kind}")
}
