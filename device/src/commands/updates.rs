//! What `run` and the commands about installed models share: the state folder, what is asked of
//! models, and looking after them during a run.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use mien_device::config::{Config, OutputName};
use mien_device::pipeline::Control;
use mien_device::state;
use mien_device::update::UpdateOptions;
use mien_device::update::check::{Loaded, Rules};
use mien_device::update::daemon::{Daemon, STALL, Seen, TICK};
use mien_device::update::fs::RealFs;
use mien_device::update::install::{Installer, Part};
use mien_device::update::lock::Lock;
use mien_device::update::pickup;
use mien_device::update::record::{FileKind, Role};
use mien_device::update::socket::{self, Listener};
use mien_device::update::status::{Latest, status};
use mien_device::update::store::Store;
use mien_models::container::Header;
use mien_models::embedded;

use super::Failure;
use super::open::{self, Search};

/// Time between two looks at the control socket.
const KNOCK: Duration = Duration::from_millis(100);
/// How long a stage that stood still may take to go on with the model before.
const LAST_CHANCE: Duration = Duration::from_secs(10);

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The state folder of this process, or of the service where there is one; and whether the
/// environment names it.
pub fn state_folder() -> Result<(PathBuf, bool), Failure> {
    let is_explicit = ["MIEN_STATE_DIR", "STATE_DIRECTORY"]
        .iter()
        .any(|name| variable(name).is_some_and(|folder| !folder.is_empty()));
    if !is_explicit && Path::new(state::SERVICE_FOLDER).is_dir() {
        return Ok((state::SERVICE_FOLDER.into(), false));
    }
    let folder = state::folder(variable).ok_or_else(|| {
        Failure::Nothing(anyhow!(
            "there is no place for installed models (hint: set MIEN_STATE_DIR)"
        ))
    })?;
    Ok((folder, is_explicit))
}

/// What this device asks of models. `named` are roles whose model the command line names; `outputs`
/// are those that labels are shown on.
pub fn rules(
    config: &Config,
    search: Search,
    named: &[Role],
    outputs: &[OutputName],
) -> Result<Rules, Failure> {
    let configured = [
        (Role::Expression, config.model.is_some()),
        (Role::Detector, config.detector.is_some()),
    ];
    let configured = configured.into_iter().filter(|(_, is_named)| *is_named);
    let named = named
        .iter()
        .copied()
        .chain(configured.map(|(role, _)| role));
    let lights = outputs.contains(&OutputName::Led);
    let factory = [embedded::EXPRESSION, embedded::CASCADE].into_iter();
    let factory = factory.filter_map(|file| {
        let header = Header::parse(file).ok()?;
        Some((FileKind::of(header.kind)?, header.model_version))
    });
    Ok(Rules {
        trust: open::trust(config)?,
        cascade: search.cascade,
        yunet: search.yunet,
        lights: lights.then(|| config.led.pins.keys().cloned().collect()),
        named_elsewhere: BTreeSet::from_iter(named),
        factory: factory.collect(),
    })
}

/// The state folder with those rules.
pub fn installer(state: &Path, rules: Rules) -> Installer<RealFs> {
    Installer {
        store: Store::new(RealFs, state),
        rules,
    }
}

/// The installed models of a run.
pub struct Session {
    installer: Installer<RealFs>,
    state: PathBuf,
    /// Held where this run looks after them.
    lock: Option<Lock>,
    part: Part,
    /// SHA-256 of what is at work.
    running: BTreeMap<Role, String>,
    /// How things are with them.
    latest: Latest,
    /// Whether the run ended by what may be a fault of a model.
    has_fault: bool,
}

impl Session {
    /// Prepares to run installed models. With `is_service` the run looks after them: it picks up new
    /// ones and counts its start before anything is loaded. Where the state folder cannot be used,
    /// the program's own models run.
    pub fn begin(config: &Config, rules: Rules, is_service: bool) -> Option<Self> {
        let state = state::folder(variable)?;
        let mut session = Self {
            installer: installer(&state, rules),
            state,
            lock: None,
            part: Part::Guest,
            running: BTreeMap::new(),
            latest: Latest::default(),
            has_fault: false,
        };
        if is_service && let Err(error) = session.take_charge(&config.updates) {
            let state = session.state.display();
            tracing::warn!("{state}: installed models are not looked after: {error:#}");
        }
        if let Ok(record) = session.installer.store.load() {
            let rules = &session.installer.rules;
            let status = status(&record, rules, &config.updates, None);
            session.latest.set(status);
        }
        Some(session)
    }

    /// How things are with the models, now and later.
    pub fn latest(&self) -> Latest {
        self.latest.clone()
    }

    fn take_charge(&mut self, options: &UpdateOptions) -> anyhow::Result<()> {
        self.installer.store.prepare()?;
        let lock = Lock::take(self.installer.store.folder())?;
        self.lock = Some(lock.context("another mien-device looks after them")?);
        self.part = Part::Uncounted;
        // Not with what a card holds, nor for what is on it, may a start fail.
        let mounts = &options.pickup_folders;
        pickup::pick_up(&self.installer, &self.state, mounts, options.max_starts);
        for failed in self.installer.begin(options.max_starts)? {
            tracing::error!(
                "{}: version {} kept ending within its trial; the one before is used",
                failed.role,
                failed.version
            );
        }
        self.part = Part::Keeper;
        Ok(())
    }

    /// The installed model for a role, if one is to run.
    pub fn model(&mut self, role: Role) -> Option<Loaded> {
        if self.installer.rules.named_elsewhere.contains(&role) {
            return None;
        }
        let chosen = self.installer.choose(role, self.part);
        let chosen = chosen.unwrap_or_else(|error| {
            tracing::error!("installed models are not used: {error}");
            None
        })?;
        self.running.insert(role, chosen.sha256);
        Some(chosen.model)
    }

    /// Runs `work` and meanwhile looks after the models, where this run does. `is_fault` tells errors
    /// for which a model may be to blame.
    pub fn watch<T, E>(
        &mut self,
        options: &UpdateOptions,
        control: &Control,
        is_fault: impl Fn(&E) -> bool,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if self.lock.is_none() {
            return work();
        }
        let path = socket::own_path(variable, &self.state);
        let listener = Listener::bind(&path);
        if let Err(error) = &listener {
            tracing::warn!("nobody can ask at {}: {error}", path.display());
        }
        let running = std::mem::take(&mut self.running);
        let latest = &self.latest;
        let daemon = Daemon::new(&self.installer, options, control, running, STALL);
        let result = thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            scope.spawn(move || look_after(daemon, listener.ok(), latest, &is_done));
            let result = work();
            drop(done);
            result
        });
        self.has_fault = result.as_ref().is_err_and(is_fault);
        result
    }
}

impl Drop for Session {
    /// A start that ended without a fault of the models, whyever, is no crash. A panic may be one.
    fn drop(&mut self) {
        if self.lock.is_none() || self.has_fault || thread::panicking() {
            return;
        }
        if let Err(error) = self.installer.end() {
            tracing::warn!("installed models: {error}");
        }
    }
}

/// The installed model that `run` would run in a role, if there is one; changes nothing.
pub fn installed(config: &Config, search: Search, role: Role) -> Option<Loaded> {
    let rules = rules(config, search, &[], &config.outputs).ok()?;
    Session::begin(config, rules, false)?.model(role)
}

/// Until the run is over.
fn look_after(
    mut daemon: Daemon<'_, RealFs>,
    listener: Option<Listener>,
    latest: &Latest,
    is_done: &mpsc::Receiver<()>,
) {
    let mut looked = Instant::now();
    let mut said = None;
    loop {
        match is_done.recv_timeout(KNOCK) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
        if let Some(listener) = &listener {
            daemon.answer(&listener.socket);
        }
        if looked.elapsed() < TICK {
            continue;
        }
        let passed = looked.elapsed();
        looked = Instant::now();
        let seen = daemon.look(passed);
        if let Ok(status) = daemon.status() {
            latest.set(status);
        }
        match seen {
            Ok(Seen::Well) => {}
            Ok(Seen::Stalled(role)) => {
                thread::sleep(LAST_CHANCE);
                if !daemon.has_taken(role) {
                    // The record says already what the next start runs.
                    tracing::error!("the stage does not go on; the program ends to start anew");
                    std::process::exit(1);
                }
            }
            // A full disk is mentioned once, not every second.
            Err(error) => {
                let error = error.to_string();
                if said.as_ref() != Some(&error) {
                    tracing::warn!("installed models: {error}");
                    said = Some(error);
                }
            }
        }
    }
}

/// As root: becomes the user of the state folder, so that what is written belongs to the service and
/// nothing is done with more rights than it takes.
pub fn become_owner(state: &Path) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let Ok(metadata) = fs::metadata(state) else {
        return Ok(());
    };
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Gid, Uid};
        use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
        use std::os::unix::fs::MetadataExt;
        let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
        if uid.is_root() {
            return Ok(());
        }
        // This thread is the only one, so it stands for the process.
        set_thread_groups(&[gid])
            .and_then(|()| set_thread_res_gid(gid, gid, gid))
            .and_then(|()| set_thread_res_uid(uid, uid, uid))
            .with_context(|| format!("cannot act as the owner of {}", state.display()))
            .map_err(Failure::Nothing)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = metadata;
    Ok(())
}
