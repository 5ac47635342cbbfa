//! What a model must be to be installed: checked in this order, the signature before anything is
//! parsed.

use std::collections::BTreeSet;

use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::{self, FormatError, Header, Kind};
use mien_models::label::{Expression, Labels};
use mien_models::plane::GrayView;
use mien_models::yunet::YunetModel;

use super::record::{Entry, FileKind, Pointer, Record, Role};
use super::store::{MAX_FILE_BYTES, Stored, hex, sha256};
use super::trust::{NotTrusted, Origin, Trust};
use crate::assets;
use crate::capture::picture::{self, Color};
use crate::classify::{Classifier, ClassifyError};
use crate::detect::cascade::{CascadeDetector, CascadeOptions};
use crate::detect::yunet::{YunetDetector, YunetOptions};
use crate::detect::{DetectError, Detector};

/// What a device asks of a model.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Whose signatures count.
    pub trust: Trust,
    /// How a cascade searches here.
    pub cascade: CascadeOptions,
    /// How a YuNet searches here.
    pub yunet: YunetOptions,
    /// Labels that have a light of their own, where lights are an output.
    pub lights: Option<BTreeSet<String>>,
    /// Roles whose model the configuration or the command line names: an installed one would not
    /// run.
    pub named_elsewhere: BTreeSet<Role>,
    /// Kind and version of the models inside the program.
    pub factory: Vec<(FileKind, u64)>,
}

/// What the caller lets pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Force(pub bool);

/// A model that may be installed.
pub struct Candidate {
    /// What it is for.
    pub role: Role,
    /// What the record says of it.
    pub entry: Entry,
    /// Ready to run.
    pub model: Loaded,
}

/// A model that is ready to run.
pub enum Loaded {
    /// Judges expressions.
    Expression(Box<Classifier>),
    /// Finds faces.
    Detector(Box<dyn Detector + Send>),
}

/// Why a model is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Longer than any model file.
    #[error("{bytes} bytes; a model file has at most {MAX_FILE_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Nobody who is trusted has signed it.
    #[error(
        "not trusted: {0} (`mien sign` signs it, [updates] trusted_keys says whose signatures count)"
    )]
    NotTrusted(#[from] NotTrusted),
    /// Not a sound model file.
    #[error("not a sound model file: {0}")]
    Format(#[from] FormatError),
    /// A sound file of a kind that no device runs.
    #[error("a {0} is nothing that a device runs")]
    Kind(Kind),
    /// Two files for the same role.
    #[error("two files for the role {0}; one can be installed")]
    SameRole(Role),
    /// The configuration or the command line names another file.
    #[error(
        "the {0} that runs here is named by the configuration or the command line; \
         leave it out there, so that installed ones run"
    )]
    NamedElsewhere(Role),
    /// Another model has not been confirmed yet.
    #[error("version {version} is still on trial; wait until it is confirmed, or roll back")]
    OnTrial {
        /// The version on trial.
        version: u64,
    },
    /// As old as a confirmed one, or older.
    #[error(
        "version {version} is not above {floor}, which was confirmed here or is the program's own \
         (hint: `--model-version` of `mien quantize` and `mien adapt`)"
    )]
    Version {
        /// The file's.
        version: u64,
        /// What it must be above.
        floor: u64,
    },
    /// It failed its trial here.
    #[error("version {version} failed its trial here and is blocked; make a higher one")]
    Blocked {
        /// The file's.
        version: u64,
    },
    /// The standard names in another order: a sign that outputs and labels do not fit together.
    #[error("its labels are FER2013's seven names in another order: {0}")]
    Permuted(String),
    /// A label that has no light, where lights are an output.
    #[error("its label {0:?} has no pin in [led.pins] (--force installs it all the same)")]
    NoOutput(String),
    /// Nothing to compare the engine's results with.
    #[error("it has no golden values that would show that it computes here what it should")]
    NoGolden,
    /// The engine refused it, or computed other values.
    #[error("it does not run here: {0}")]
    Classify(#[from] ClassifyError),
    /// The detector cannot be built or fails on a picture.
    #[error("it does not run here: {0}")]
    Detect(#[from] DetectError),
    /// The picture it was to be tried on cannot be read.
    #[error("the bundled portrait cannot be read: {0}")]
    Portrait(String),
}

impl Refused {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotTrusted(NotTrusted::Unsigned) => "unsigned",
            Self::NotTrusted(NotTrusted::Signature(_)) => "signature",
            Self::Format(_) => "format",
            Self::Kind(_) => "kind",
            Self::SameRole(_) => "same_role",
            Self::NamedElsewhere(_) => "named_elsewhere",
            Self::OnTrial { .. } => "on_trial",
            Self::Version { .. } => "version",
            Self::Blocked { .. } => "blocked",
            Self::Permuted(_) => "labels",
            Self::NoOutput(_) => "no_output",
            Self::NoGolden | Self::Classify(_) | Self::Detect(_) | Self::Portrait(_) => "engine",
        }
    }
}

impl Rules {
    /// Whether `offer` may be installed over what `record` says; then it is ready to run.
    ///
    /// # Errors
    /// [`Refused`] for the first thing wrong.
    pub fn check(
        &self,
        record: &Record,
        offer: &Stored,
        force: Force,
    ) -> Result<Candidate, Refused> {
        let bytes = offer.file.len() as u64;
        if bytes > MAX_FILE_BYTES {
            return Err(Refused::TooLarge { bytes });
        }
        let origin = self.trust.check(&offer.file, offer.signature.as_deref())?;
        let header = Header::parse(&offer.file)?;
        let kind = FileKind::of(header.kind).ok_or(Refused::Kind(header.kind))?;
        let role = kind.role();
        if self.named_elsewhere.contains(&role) {
            return Err(Refused::NamedElsewhere(role));
        }
        self.check_version(record.pointer(role), kind, header.model_version)?;
        let model = self.load(kind, &offer.file)?;
        if let Loaded::Expression(classifier) = &model {
            self.check_labels(classifier.labels(), force)?;
        }
        Ok(Candidate {
            role,
            entry: Entry {
                kind,
                version: header.model_version,
                model_id: hex(&header.model_id),
                sha256: sha256(&offer.file),
                bytes,
                signed_by: match origin {
                    Origin::Signed(key_id) => Some(key_id.to_string()),
                    Origin::Bundled => Some("bundled".to_owned()),
                    Origin::Unsigned => None,
                },
            },
            model,
        })
    }

    /// Versions only rise, one trial at a time, and no failure comes twice.
    fn check_version(
        &self,
        pointer: &Pointer,
        kind: FileKind,
        version: u64,
    ) -> Result<(), Refused> {
        if let (Some(_), Some(entry)) = (pointer.trial, pointer.active_entry()) {
            return Err(Refused::OnTrial {
                version: entry.version,
            });
        }
        let floor = self.floor(pointer, kind);
        if floor.is_some_and(|floor| version <= floor) {
            let floor = floor.unwrap_or_default();
            return Err(Refused::Version { version, floor });
        }
        let mut blocked = pointer.blocked.iter();
        if blocked.any(|blocked| blocked.kind == kind && blocked.version == version) {
            return Err(Refused::Blocked { version });
        }
        Ok(())
    }

    /// What a version must be above: the confirmed one, or the program's own.
    pub fn floor(&self, pointer: &Pointer, kind: FileKind) -> Option<u64> {
        let own = self.factory.iter().filter(|(own, _)| *own == kind);
        let own = own.map(|(_, version)| *version).max();
        own.max(pointer.floors.get(&kind).copied())
    }

    fn check_labels(&self, labels: &Labels, force: Force) -> Result<(), Refused> {
        let standard = Expression::ALL.map(Expression::name);
        let is_permuted = labels.len() == standard.len()
            && standard.iter().all(|name| labels.index_of(name).is_some())
            && !labels.iter().eq(standard);
        if is_permuted {
            let names: Vec<&str> = labels.iter().collect();
            return Err(Refused::Permuted(names.join(", ")));
        }
        let lights = self.lights.as_ref().filter(|_| force == Force(false));
        match lights.and_then(|lights| labels.iter().find(|name| !lights.contains(*name))) {
            Some(dark) => Err(Refused::NoOutput(dark.to_owned())),
            None => Ok(()),
        }
    }

    /// Decodes a file and makes it ready to run. An expression model must compute its golden values
    /// in the engine, a detector must get through a picture.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn load(&self, kind: FileKind, file: &[u8]) -> Result<Loaded, Refused> {
        let mut detector: Box<dyn Detector + Send> = match kind {
            FileKind::Expression => {
                let (_, model) = container::decode::<ExpressionModel<'_>>(file)?;
                if model.golden.is_empty() {
                    return Err(Refused::NoGolden);
                }
                return Ok(Loaded::Expression(Box::new(Classifier::new(&model)?)));
            }
            FileKind::Cascade => {
                let (_, model) = container::decode::<CascadeModel<'_>>(file)?;
                Box::new(CascadeDetector::new(&model, self.cascade)?)
            }
            FileKind::Yunet => {
                let (_, model) = container::decode::<YunetModel<'_>>(file)?;
                Box::new(YunetDetector::new(&model, self.yunet)?)
            }
        };
        let portrait = |error: &dyn std::fmt::Display| Refused::Portrait(error.to_string());
        let jpeg = assets::PORTRAITS[0].jpeg;
        let picture = picture::decode(jpeg, Color::Drop).map_err(|error| portrait(&error))?;
        let view = GrayView::packed(&picture.gray, picture.width, picture.height);
        detector.detect(&view.map_err(|error| portrait(&error))?)?;
        Ok(Loaded::Detector(detector))
    }
}
