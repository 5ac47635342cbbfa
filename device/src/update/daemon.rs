//! The part of a run that looks after its models: it answers at the control socket, alone changes
//! the state folder, hands new models to the stages, and watches those on trial.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::UpdateOptions;
use super::check::{Force, Loaded};
use super::fs::Fs;
use super::install::{Installer, Part, UpdateError};
use super::protocol::{self, Installed, Refusal, Reply, Request, RolledBack, Status};
use super::record::{Entry, Fault, Role};
use super::status::status;
use super::store::StoreError;
use crate::pipeline::Control;
use crate::pipeline::health::{Checkup, STAGES};

/// How long a client may take for its whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two looks at the stages.
pub const TICK: Duration = Duration::from_secs(1);
/// A stage that does nothing for so long and waits for nothing stands still.
pub const STALL: Duration = Duration::from_secs(20);

/// What looks after the models of a run.
pub struct Daemon<'a, F> {
    installer: &'a Installer<F>,
    options: &'a UpdateOptions,
    control: &'a Control,
    /// SHA-256 of the installed models that run; the others are the program's own or named ones.
    running: BTreeMap<Role, String>,
    /// How long those on trial have run without a fault.
    healthy: BTreeMap<Role, Duration>,
    checkup: Checkup<'a>,
    checked: Instant,
    /// Frames judged at the last look.
    frames: u64,
    /// Faces judged when a trial began here.
    faces: BTreeMap<Role, u64>,
    stall: Duration,
    /// Whose stage stood still at the last checkup.
    stalled: Option<Role>,
}

/// What a look at the stages has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All is well, or nothing was to be seen yet.
    Well,
    /// This role's model stands still and was rolled back on disk. The stage may never take the
    /// model before; a restart does.
    Stalled(Role),
}

impl<'a, F: Fs> Daemon<'a, F> {
    /// For a run in which the installed models `running` (SHA-256) are at work. A stage that neither
    /// does anything for `stall` nor waits stands still; usually [`STALL`].
    pub fn new(
        installer: &'a Installer<F>,
        options: &'a UpdateOptions,
        control: &'a Control,
        running: BTreeMap<Role, String>,
        stall: Duration,
    ) -> Self {
        Self {
            installer,
            options,
            control,
            running,
            healthy: BTreeMap::new(),
            checkup: Checkup::new(&control.health),
            checked: Instant::now(),
            frames: control.work.frames_judged(),
            faces: BTreeMap::new(),
            stall,
            stalled: None,
        }
    }

    /// Answers whoever knocks, one after the other. Returns when nobody does.
    pub fn answer(&mut self, listener: &UnixListener) {
        loop {
            match listener.accept() {
                Ok((client, _)) => {
                    if let Err(error) = self.converse(&client) {
                        tracing::warn!("control socket: {error}");
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        tracing::warn!("control socket: {error}");
                    }
                    return;
                }
            }
        }
    }

    fn converse(&mut self, client: &UnixStream) -> io::Result<()> {
        client.set_nonblocking(false)?;
        let control = self.control;
        let mut from = Deadline {
            client,
            end: Instant::now() + REQUEST_TIMEOUT,
            stop: &control.stop,
        };
        client.set_write_timeout(Some(REQUEST_TIMEOUT))?;
        let reply = match protocol::read_line(&mut from) {
            Ok(request) => self.serve(request, &mut from),
            Err(error) => Err(UpdateFailure::Request(error)),
        };
        let reply = reply.unwrap_or_else(|failure| Reply::Error(failure.into()));
        if let Reply::Error(refusal) = &reply {
            tracing::warn!("refused: {}", refusal.message);
        }
        protocol::write_line(&mut &*client, &reply)
    }

    fn serve(
        &mut self,
        request: Request,
        from: &mut impl io::Read,
    ) -> Result<Reply, UpdateFailure> {
        match request {
            Request::Install {
                files,
                force,
                dry_run,
            } => {
                let offers = protocol::read_files(from, &files).map_err(UpdateFailure::Request)?;
                let candidates = match dry_run {
                    true => self.installer.check(&offers, Force(force))?,
                    false => self.installer.install(&offers, Force(force), true)?,
                };
                let models = candidates.iter().map(|candidate| candidate.entry.clone());
                let models = models.collect();
                if !dry_run {
                    for candidate in candidates {
                        let Entry { version, .. } = &candidate.entry;
                        tracing::info!("{}: version {version} on trial", candidate.role);
                        self.begin(candidate.role);
                        self.running.insert(candidate.role, candidate.entry.sha256);
                        self.hand_over(candidate.model);
                    }
                }
                Ok(Reply::Installed(Installed {
                    models,
                    dry_run,
                    live: true,
                    trial_s: self.options.trial_s,
                }))
            }
            Request::RollBack { role } => {
                let roles = self.installer.roll_back(role)?;
                for &role in &roles {
                    tracing::info!("{role}: rolled back");
                    self.take_up(role)?;
                }
                Ok(Reply::RolledBack(RolledBack { roles, live: true }))
            }
            Request::Status => Ok(Reply::Status(Box::new(self.status()?))),
        }
    }

    /// How things are.
    ///
    /// # Errors
    /// [`StoreError`], if the record cannot be read.
    pub fn status(&self) -> Result<Status, StoreError> {
        let record = self.installer.store.load()?;
        let rules = &self.installer.rules;
        Ok(status(&record, rules, self.options, Some(&self.healthy)))
    }

    /// Goes on with what the record says now.
    fn take_up(&mut self, role: Role) -> Result<(), UpdateFailure> {
        self.begin(role);
        let model = match self.installer.choose(role, Part::Keeper)? {
            Some(chosen) => {
                self.running.insert(role, chosen.sha256);
                chosen.model
            }
            None => {
                self.running.remove(&role);
                let factory = self.installer.factory(role);
                factory.map_err(|refused| UpdateError::Refused {
                    index: 0,
                    of: 1,
                    refused,
                })?
            }
        };
        self.hand_over(model);
        Ok(())
    }

    /// Another model runs from here on.
    fn begin(&mut self, role: Role) {
        self.healthy.remove(&role);
        self.faces.remove(&role);
    }

    fn hand_over(&self, model: Loaded) {
        match model {
            Loaded::Expression(classifier) => {
                self.control.exchange.classifier.put(*classifier);
            }
            Loaded::Detector(detector) => self.control.exchange.detector.put(detector),
        }
    }

    /// A look at the stages, every [`TICK`]; `passed` is the time since the last one. Confirms what
    /// has passed its trial and rolls back what stands still.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was confirmed or rolled back; the next look tries again.
    pub fn look(&mut self, passed: Duration) -> Result<Seen, StoreError> {
        let frames = self.control.work.frames_judged();
        let goes_on = frames != self.frames;
        self.frames = frames;
        if self.checked.elapsed() >= self.stall {
            self.checked = Instant::now();
            self.stalled = self.checkup.culprit().and_then(role_of);
        }
        let record = self.installer.store.load()?;
        for role in Role::ALL {
            let pointer = record.pointer(role);
            let active = pointer.active_entry().map(|entry| &entry.sha256);
            // After a step that failed half way the record may be ahead of what runs.
            if pointer.trial.is_none() || self.running.get(&role) != active {
                continue;
            }
            if self.stalled == Some(role) {
                if let Some(failed) = self.installer.fail(role, Fault::Stall)? {
                    tracing::error!("{role}: version {} stood still", failed.version);
                }
                self.stalled = None;
                if let Err(failure) = self.take_up(role) {
                    tracing::error!("{role}: {failure}");
                }
                return Ok(Seen::Stalled(role));
            }
            if !self.has_taken(role) {
                continue;
            }
            // Without frames nothing is tried, and without a face not the model.
            let faces = self.control.work.faces_judged();
            let has_judged = *self.faces.entry(role).or_insert(faces) < faces;
            let healthy = self.healthy.entry(role).or_default();
            if goes_on {
                *healthy += passed;
            }
            if has_judged && healthy.as_secs() >= u64::from(self.options.trial_s) {
                self.installer.confirm(role)?;
                tracing::info!("{role}: confirmed");
            }
        }
        Ok(Seen::Well)
    }

    /// Whether the stage of `role` has taken the model that was handed to it.
    pub fn has_taken(&self, role: Role) -> bool {
        match role {
            Role::Expression => !self.control.exchange.classifier.is_waiting(),
            Role::Detector => !self.control.exchange.detector.is_waiting(),
        }
    }
}

/// Number of the classify stage.
const CLASSIFY: usize = 2;

/// Whose model a stage runs.
fn role_of(stage: &str) -> Option<Role> {
    match stage {
        stage if stage == STAGES[1] => Some(Role::Detector),
        stage if stage == STAGES[CLASSIFY] => Some(Role::Expression),
        _ => None,
    }
}

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
enum UpdateFailure {
    #[error("the request cannot be read: {0}")]
    Request(io::Error),
    #[error(transparent)]
    Update(#[from] UpdateError),
}

impl From<StoreError> for UpdateFailure {
    fn from(error: StoreError) -> Self {
        Self::Update(error.into())
    }
}

impl From<UpdateFailure> for Refusal {
    fn from(failure: UpdateFailure) -> Self {
        let message = failure.to_string();
        match failure {
            UpdateFailure::Request(error) if error.kind() == ErrorKind::FileTooLarge => Self {
                code: "too_large".to_owned(),
                message,
            },
            UpdateFailure::Request(_) => Self {
                code: "request".to_owned(),
                message,
            },
            UpdateFailure::Update(error) => error.into(),
        }
    }
}

impl From<UpdateError> for Refusal {
    fn from(error: UpdateError) -> Self {
        let code = match &error {
            UpdateError::Refused { refused, .. } => refused.code(),
            UpdateError::Store(_) => "storage",
            UpdateError::NothingInstalled => "nothing_installed",
        };
        Self {
            code: code.to_owned(),
            message: error.to_string(),
        }
    }
}

/// A client's bytes until it has taken too long, however slowly it drips, or the run is to end.
struct Deadline<'a> {
    client: &'a UnixStream,
    end: Instant,
    stop: &'a AtomicBool,
}

/// Time between two looks at whether the run is to end.
const LOOK_UP: Duration = Duration::from_millis(200);

impl io::Read for Deadline<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                return Err(ErrorKind::TimedOut.into());
            }
            self.client.set_read_timeout(Some(left.min(LOOK_UP)))?;
            let mut client = self.client;
            match client.read(to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::check::Rules;
    use crate::update::fs::RealFs;
    use crate::update::store::{Store, Stored};
    use crate::update::trust::Trust;
    use mien_models::container::encode;
    use mien_models::procedural::test_model;

    const SECOND: Duration = Duration::from_secs(1);

    /// A state folder with the test model on trial, and a daemon over it that looks for standstills
    /// at every look.
    fn on_trial<'a>(
        installer: &'a Installer<RealFs>,
        options: &'a UpdateOptions,
        control: &'a Control,
    ) -> Daemon<'a, RealFs> {
        let model = test_model();
        let file = encode(&model, model.model_id(), 7).unwrap();
        let signature = None;
        let offer = [Stored { file, signature }];
        let installed = installer.install(&offer, Force(false), true).unwrap();
        let sha256 = installed[0].entry.sha256.clone();
        let running = [(Role::Expression, sha256)].into();
        Daemon::new(installer, options, control, running, Duration::ZERO)
    }

    fn installer(state: &std::path::Path, options: &UpdateOptions) -> Installer<RealFs> {
        Installer {
            store: Store::new(RealFs, state),
            rules: Rules {
                trust: Trust::load(options).unwrap(),
                ..Rules::default()
            },
        }
    }

    fn unsigned(trial_s: u32) -> UpdateOptions {
        UpdateOptions {
            allow_unsigned: true,
            trial_s,
            ..UpdateOptions::default()
        }
    }

    /// All stages but the one named do something.
    fn beat(control: &Control, stuck: Option<usize>) {
        let going = (0..STAGES.len()).filter(|stage| Some(*stage) != stuck);
        for stage in going {
            control.health.pulse(stage).beat();
            if stage == CLASSIFY {
                control.work.judged(1);
            }
        }
    }

    #[test]
    fn only_time_with_frames_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (options, control) = (unsigned(3), Control::default());
        let installer = installer(folder.path(), &options);
        let mut daemon = on_trial(&installer, &options, &control);
        let is_on_trial = |daemon: &Daemon<'_, RealFs>| {
            let record = daemon.installer.store.load().unwrap();
            record.expression.trial.is_some()
        };
        for _ in 0..2 {
            beat(&control, None);
            assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        }
        // Nobody's fault, but no trial either: the camera is away.
        control.health.pulse(CLASSIFY).idle(|| {
            for _ in 0..5 {
                control.health.pulse(0).beat();
                control.health.pulse(1).idle(|| {
                    control.health.pulse(3).idle(|| {
                        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
                    });
                });
            }
        });
        // A camera that is lost again and again keeps the stages busy, and judges nothing.
        for _ in 0..5 {
            (0..STAGES.len()).for_each(|stage| control.health.pulse(stage).beat());
            assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        }
        assert!(is_on_trial(&daemon));
        beat(&control, None);
        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        assert!(!is_on_trial(&daemon));
    }

    #[test]
    fn a_model_that_has_judged_nobody_is_not_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let (options, control) = (unsigned(2), Control::default());
        let installer = installer(folder.path(), &options);
        let mut daemon = on_trial(&installer, &options, &control);
        let is_on_trial = |daemon: &Daemon<'_, RealFs>| {
            let record = daemon.installer.store.load().unwrap();
            record.expression.trial.is_some()
        };
        for _ in 0..5 {
            (0..STAGES.len()).for_each(|stage| control.health.pulse(stage).beat());
            control.work.judged(0);
            assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        }
        assert!(is_on_trial(&daemon));
        beat(&control, None);
        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        assert!(!is_on_trial(&daemon));
    }

    #[test]
    fn a_standstill_is_rolled_back_and_the_model_before_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (options, control) = (unsigned(60), Control::default());
        let installer = installer(folder.path(), &options);
        let mut daemon = on_trial(&installer, &options, &control);
        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        // Somebody else's standstill is not this model's fault.
        beat(&control, Some(3));
        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
        beat(&control, Some(CLASSIFY));
        assert_eq!(
            daemon.look(SECOND).unwrap(),
            Seen::Stalled(Role::Expression)
        );
        let pointer = daemon.installer.store.load().unwrap().expression;
        assert_eq!((pointer.active, pointer.trial), (None, None));
        assert_eq!(pointer.blocked[0].fault, Fault::Stall);
        assert!(!daemon.has_taken(Role::Expression));
        let classifier = control.exchange.classifier.take().unwrap();
        assert_ne!(classifier.labels().len(), 0);
        assert!(daemon.has_taken(Role::Expression));
        // The factory's is not on trial.
        beat(&control, Some(CLASSIFY));
        assert_eq!(daemon.look(SECOND).unwrap(), Seen::Well);
    }
}
