//! What a run is made of. While it goes on, the configuration may change: then only the parts that
//! it concerns are opened again.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::anyhow;
use mien_device::board::{self, Board};
use mien_device::capture::Source;
use mien_device::classify::Classifier;
use mien_device::config::{Config, OutputName};
use mien_device::counter::today::Today;
use mien_device::detect::Detector;
use mien_device::output::guarded::{self, Guarded};
use mien_device::update::check::{Loaded, Rules};
use mien_device::update::record::Role;
use mien_models::label::Labels;

use super::open::{self, Need, Search};
use super::run::Args;
use super::source::{self, Origin};
use super::updates::{self, Session};
use super::{Failure, outputs};

/// The parts of a run that the configuration names.
pub struct Parts {
    /// What they were opened by.
    pub config: Config,
    /// Where the frames come from.
    pub origin: Origin,
    /// The frames.
    pub source: Box<dyn Source>,
    /// Finds faces.
    pub detector: Box<dyn Detector + Send>,
    /// Judges them.
    pub classifier: Classifier,
    /// The outputs other than the terminal.
    pub outputs: Vec<(OutputName, Guarded)>,
    board: Rc<dyn Board>,
    /// The counter's counts, where it runs.
    today: Option<Today>,
}

/// Which parts are new after a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Another detector looks.
    pub detector: bool,
    /// The frames come from elsewhere.
    pub source: bool,
    /// Another model judges.
    pub classifier: bool,
}

impl Parts {
    /// Opens all of them but the outputs.
    ///
    /// A model that is installed comes before the program's own, and one that is named before both.
    pub fn open(
        args: &Args,
        config: Config,
        mut session: Option<&mut Session>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let mut installed = |role| session.as_mut().and_then(|session| session.model(role));
        let detector = match installed(Role::Detector) {
            Some(Loaded::Detector(detector)) => detector,
            _ => detector(args, &config)?,
        };
        let classifier = match installed(Role::Expression) {
            Some(Loaded::Expression(classifier)) => *classifier,
            _ => classifier(args, &config)?,
        };
        let origin = args.source.origin(config.source.as_deref())?;
        let source = source::open(&origin, args.frames.is_some(), config.camera, stop)?;
        Ok(Self {
            config,
            origin,
            source,
            detector,
            classifier,
            outputs: Vec::new(),
            board: board::this().into(),
            today: None,
        })
    }

    /// Opens the outputs; displays show `today`.
    pub fn open_outputs(&mut self, args: &Args, today: Option<Today>) -> Result<(), Failure> {
        self.today = today;
        self.outputs = self.opened(&args.outputs.names(&self.config))?;
        Ok(())
    }

    /// Takes on another configuration; what cannot be opened by it stays as it was and is logged.
    pub fn change(&mut self, args: &Args, new: Config, stop: &Arc<AtomicBool>) -> Changed {
        let old = std::mem::replace(&mut self.config, new);
        let changed = Changed {
            detector: self.change_detector(args, &old),
            classifier: self.change_classifier(args, &old),
            source: self.change_source(args, &old, stop),
        };
        self.change_outputs(args, &old);
        changed
    }

    fn change_detector(&mut self, args: &Args, old: &Config) -> bool {
        let keys = |config: &Config| {
            let Config {
                detector,
                detector_input_px,
                detector_equalize,
                ..
            } = config;
            (detector.clone(), *detector_input_px, *detector_equalize)
        };
        if keys(&self.config) == keys(old) {
            return false;
        }
        match detector(args, &self.config) {
            Ok(detector) => {
                self.detector = detector;
                true
            }
            Err(failure) => {
                stays("detector", failure);
                (
                    self.config.detector,
                    self.config.detector_input_px,
                    self.config.detector_equalize,
                ) = keys(old);
                false
            }
        }
    }

    fn change_classifier(&mut self, args: &Args, old: &Config) -> bool {
        if self.config.model == old.model {
            return false;
        }
        match classifier(args, &self.config) {
            Ok(classifier) => {
                self.classifier = classifier;
                true
            }
            Err(failure) => {
                stays("model", failure);
                self.config.model = old.model.clone();
                false
            }
        }
    }

    fn change_source(&mut self, args: &Args, old: &Config, stop: &Arc<AtomicBool>) -> bool {
        let new = &self.config;
        if (&new.source, new.camera) == (&old.source, old.camera) {
            return false;
        }
        let opened = args
            .source
            .origin(new.source.as_deref())
            .and_then(|origin| {
                // Cameras are opened with their first frame, when the old source is gone.
                let source = source::open(&origin, args.frames.is_some(), new.camera, stop)?;
                Ok((origin, source))
            });
        match opened {
            Ok((origin, source)) => {
                (self.origin, self.source) = (origin, source);
                true
            }
            Err(failure) => {
                stays("source", failure);
                (self.config.source, self.config.camera) = (old.source.clone(), old.camera);
                false
            }
        }
    }

    /// Outputs that are as before go on; the others give their pins back before any is opened.
    fn change_outputs(&mut self, args: &Args, old: &Config) {
        let names = args.outputs.names(&self.config);
        let is_as_before = |name: OutputName| {
            let new = &self.config;
            match name {
                OutputName::Terminal => true,
                OutputName::Led => new.led == old.led,
                OutputName::Rgb => new.rgb == old.rgb,
                OutputName::Display => new.display == old.display,
                OutputName::Exec => new.exec == old.exec,
            }
        };
        self.outputs
            .retain(|(name, _)| names.contains(name) && is_as_before(*name));
        let missing: Vec<_> = names
            .into_iter()
            .filter(|name| self.outputs.iter().all(|(open, _)| open != name))
            .collect();
        match self.opened(&missing) {
            Ok(opened) => self.outputs.extend(opened),
            Err(failure) => tracing::warn!("{:#}", failure.into_error()),
        }
    }

    /// Opens outputs other than the terminal. One that cannot be opened is left out with a warning,
    /// as long as there is another.
    fn opened(&self, names: &[OutputName]) -> Result<Vec<(OutputName, Guarded)>, Failure> {
        let mut opened = Vec::new();
        let mut last = None;
        for &name in names.iter().filter(|&&name| name != OutputName::Terminal) {
            let (board, config) = (Rc::clone(&self.board), self.config.clone());
            let today = self.today.clone();
            let open = move |labels: &Labels| {
                outputs::open(name, &*board, &config, labels, today.as_ref())
                    .map_err(io::Error::other)
            };
            let labels = self.classifier.labels();
            match Guarded::new(name.name(), Box::new(open), labels, guarded::RETRY) {
                Ok(output) => opened.push((name, output)),
                Err(error) => {
                    tracing::warn!("output {name} is left out: {error:#}");
                    last = Some(anyhow!(error).context(format!("--output {name}")));
                }
            }
        }
        match last {
            Some(error) if opened.is_empty() && !names.contains(&OutputName::Terminal) => {
                Err(Failure::Nothing(error))
            }
            _ => Ok(opened),
        }
    }
}

/// Whether the run goes on until it is stopped, and so looks after installed models.
pub fn is_service(args: &Args, config: &Config) -> Result<bool, Failure> {
    let origin = args.source.origin(config.source.as_deref())?;
    Ok(origin.is_endless() && args.frames.is_none())
}

/// What is asked of installed models.
pub fn rules(args: &Args, config: &Config) -> Result<Rules, Failure> {
    let named = [
        (Role::Expression, args.model.is_some()),
        (Role::Detector, args.detector.is_some()),
    ];
    let named = named.into_iter().filter(|(_, is_named)| *is_named);
    let named: Vec<Role> = named.map(|(role, _)| role).collect();
    let search = args.search.fill_in(Search::live(), config);
    updates::rules(config, search, &named, &args.outputs.names(config))
}

fn detector(args: &Args, config: &Config) -> Result<Box<dyn Detector + Send>, Failure> {
    let path = args.detector.as_deref();
    open::detector(path, config, &args.search, Search::live(), Need::Trusted)
}

fn classifier(args: &Args, config: &Config) -> Result<Classifier, Failure> {
    open::classifier(args.model.as_deref(), config, Need::Trusted)
}

fn stays(part: &str, failure: Failure) {
    tracing::error!("the {part} stays as it was: {:#}", failure.into_error());
}
