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
use mien_device::kiosk::about::Card;
use mien_device::output::guarded::{self, Guarded};

use super::open::{self, Search};
use super::run::Args;
use super::source::{self, Origin};
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
    /// What its maker says of the model.
    pub card: Card,
    /// The outputs other than the terminal.
    pub outputs: Vec<(OutputName, Guarded)>,
    board: Rc<dyn Board>,
    /// The counter's counts, where it runs.
    today: Option<Today>,
}

/// Which parts are new after a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The frames come from elsewhere.
    pub source: bool,
    /// Another model judges.
    pub classifier: bool,
}

impl Parts {
    /// Opens all of them but the outputs.
    pub fn open(args: &Args, config: Config, stop: &Arc<AtomicBool>) -> Result<Self, Failure> {
        let search = Search::live();
        let detector = open::detector(args.detector.as_deref(), &config, &args.search, search)?;
        let (classifier, card) = open::classifier_and_card(args.model.as_deref(), &config)?;
        let origin = args.source.origin(config.source.as_deref())?;
        let source = source::open(&origin, args.frames.is_some(), config.camera, stop)?;
        Ok(Self {
            config,
            origin,
            source,
            detector,
            classifier,
            card,
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
        let mut changed = Changed::default();
        self.change_detector(args, &old);
        changed.classifier = self.change_classifier(args, &old);
        changed.source = self.change_source(args, &old, stop);
        self.change_outputs(args, &old);
        changed
    }

    fn change_detector(&mut self, args: &Args, old: &Config) {
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
            return;
        }
        let path = args.detector.as_deref();
        match open::detector(path, &self.config, &args.search, Search::live()) {
            Ok(detector) => self.detector = detector,
            Err(failure) => {
                stays("detector", failure);
                (
                    self.config.detector,
                    self.config.detector_input_px,
                    self.config.detector_equalize,
                ) = keys(old);
            }
        }
    }

    fn change_classifier(&mut self, args: &Args, old: &Config) -> bool {
        if self.config.model == old.model {
            return false;
        }
        let opened = open::classifier_and_card(args.model.as_deref(), &self.config);
        let fits = opened.and_then(|(classifier, card)| {
            if classifier.labels() == self.classifier.labels() {
                return Ok((classifier, card));
            }
            let name = card.name;
            Err(Failure::Nothing(anyhow!(
                "{name} has other labels (hint: restart, so that all outputs learn them)"
            )))
        });
        match fits {
            Ok((classifier, card)) => {
                (self.classifier, self.card) = (classifier, card);
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
            let labels = self.classifier.labels().clone();
            let today = self.today.clone();
            let open = move || {
                outputs::open(name, &*board, &config, &labels, today.as_ref())
                    .map_err(io::Error::other)
            };
            match Guarded::new(name.name(), Box::new(open), guarded::RETRY) {
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

fn stays(part: &str, failure: Failure) {
    tracing::error!("the {part} stays as it was: {:#}", failure.into_error());
}
