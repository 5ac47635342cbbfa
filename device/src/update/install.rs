//! The steps of the state machine, on disk: install, start, confirm, roll back. Each is whole or did
//! not happen, wherever it is cut off.

use mien_models::embedded;

use super::check::{Candidate, Force, Loaded, Refused, Rules};
use super::fs::Fs;
use super::record::{Fault, FileKind, Record, Role, Slot};
use super::store::{Store, StoreError, Stored};
use super::trust::NotTrusted;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// A model is refused.
    #[error("{}{refused}", position(*.index, *.of))]
    Refused {
        /// Which of the files, from 0.
        index: usize,
        /// How many there are.
        of: usize,
        /// Why.
        refused: Refused,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The factory's models run already, or the last install was undone.
    #[error("there is no install to roll back (`mien-device status` shows what runs)")]
    NothingInstalled,
}

fn position(index: usize, of: usize) -> String {
    match of {
        1 => String::new(),
        _ => format!("file {} of {of}: ", index + 1),
    }
}

/// The state folder with what this device asks of models.
#[derive(Debug)]
pub struct Installer<F> {
    /// The state folder.
    pub store: Store<F>,
    /// What is asked.
    pub rules: Rules,
}

/// A model that was rolled back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// Whose.
    pub role: Role,
    /// Its version.
    pub version: u64,
    /// Why.
    pub fault: Fault,
}

impl<F: Fs> Installer<F> {
    /// Checks all files without changing anything.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] for the first that may not be installed; `Store`.
    pub fn check(&self, offers: &[Stored], force: Force) -> Result<Vec<Candidate>, UpdateError> {
        let record = self.store.load()?;
        let mut candidates: Vec<Candidate> = Vec::new();
        for (index, offer) in offers.iter().enumerate() {
            let refused = |refused| UpdateError::Refused {
                index,
                of: offers.len(),
                refused,
            };
            let candidate = self.rules.check(&record, offer, force).map_err(refused)?;
            let role = candidate.role;
            if candidates.iter().any(|other| other.role == role) {
                return Err(refused(Refused::SameRole(role)));
            }
            candidates.push(candidate);
        }
        Ok(candidates)
    }

    /// Installs all files or none; they are on trial then. `is_running` says that their first start
    /// is now, in this process. The models come back ready to run.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] or `Store`. The models before are still the active ones then,
    /// unless the very last synchronisation failed: then the record says what is.
    pub fn install(
        &self,
        offers: &[Stored],
        force: Force,
        is_running: bool,
    ) -> Result<Vec<Candidate>, UpdateError> {
        let candidates = self.check(offers, force)?;
        self.store.prepare()?;
        let before = self.store.load()?;
        let mut record = before.clone();
        for candidate in &candidates {
            record.pointer_mut(candidate.role).clear_spare();
        }
        // From here on nothing on disk points to what is about to be overwritten.
        if record != before {
            self.store.save(&record)?;
        }
        for (candidate, offer) in candidates.iter().zip(offers) {
            let spare = record.pointer(candidate.role).spare();
            self.store.write_slot(candidate.role, spare, offer)?;
        }
        for candidate in &candidates {
            let pointer = record.pointer_mut(candidate.role);
            pointer.begin_trial(candidate.entry.clone(), u32::from(is_running));
        }
        record.last_install = candidates.iter().map(|candidate| candidate.role).collect();
        self.store.save(&record)?;
        Ok(candidates)
    }

    /// Goes back to the model before: in `role`, else in what the last install changed. Returns the
    /// roles that changed.
    ///
    /// # Errors
    /// [`UpdateError::NothingInstalled`] if the factory's models run there; `Store`.
    pub fn roll_back(&self, role: Option<Role>) -> Result<Vec<Role>, UpdateError> {
        let mut record = self.store.load()?;
        let roles = match role {
            Some(role) => vec![role],
            None => record.last_install.clone(),
        };
        let mut changed = Vec::new();
        for role in roles {
            if record.pointer_mut(role).roll_back(None) {
                changed.push(role);
            }
        }
        record.last_install.retain(|role| !changed.contains(role));
        if changed.is_empty() {
            return Err(UpdateError::NothingInstalled);
        }
        self.store.save(&record)?;
        Ok(changed)
    }

    /// Goes back by itself: the active model of `role` has a fault. Its version is blocked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn fail(&self, role: Role, fault: Fault) -> Result<Option<RolledBack>, StoreError> {
        let mut record = self.store.load()?;
        let rolled_back = fail_in(&mut record, role, fault);
        if rolled_back.is_some() {
            self.store.save(&record)?;
        }
        Ok(rolled_back)
    }

    /// The program is about to run the active models: counts the start of those on trial before
    /// anything of them is loaded, and rolls back those that have been started too often. Roles whose
    /// model is named elsewhere are left alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(&self, max_starts: u32) -> Result<Vec<RolledBack>, StoreError> {
        let before = self.store.load()?;
        let mut record = before.clone();
        let mut rolled_back = Vec::new();
        for role in self.roles() {
            if let Some(fault) = record.pointer_mut(role).count_start(max_starts) {
                rolled_back.extend(fail_in(&mut record, role, fault));
            }
        }
        if record != before {
            self.store.save(&record)?;
        }
        Ok(rolled_back)
    }

    /// The program ends, and not by a fault of its models.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end(&self) -> Result<(), StoreError> {
        self.change(|record| {
            for role in self.roles() {
                record.pointer_mut(role).uncount_start();
            }
        })
    }

    /// Those in which installed models run.
    fn roles(&self) -> impl Iterator<Item = Role> {
        let named = &self.rules.named_elsewhere;
        Role::ALL.into_iter().filter(|role| !named.contains(role))
    }

    /// The trial of `role` was passed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn confirm(&self, role: Role) -> Result<(), StoreError> {
        self.change(|record| record.pointer_mut(role).confirm())
    }

    /// The model inside the program.
    ///
    /// # Errors
    /// [`Refused`] if it does not run here.
    pub fn factory(&self, role: Role) -> Result<Loaded, Refused> {
        match role {
            Role::Expression => self.rules.load(FileKind::Expression, embedded::EXPRESSION),
            Role::Detector => self.rules.load(FileKind::Cascade, embedded::CASCADE),
        }
    }

    fn change(&self, step: impl FnOnce(&mut Record)) -> Result<(), StoreError> {
        let before = self.store.load()?;
        let mut record = before.clone();
        step(&mut record);
        if record != before {
            self.store.save(&record)?;
        }
        Ok(())
    }

    /// The model in a slot, ready to run; trusted today, too.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn open(&self, role: Role, slot: Slot) -> Result<Loaded, UpdateError> {
        let record = self.store.load()?;
        let refused = |refused| UpdateError::Refused {
            index: 0,
            of: 1,
            refused,
        };
        let Some(entry) = record.pointer(role).entry(slot) else {
            let path = self.store.slot_path(role, slot);
            return Err(StoreError::Damaged(path).into());
        };
        let Stored { file, signature } = self.store.read_slot(role, slot, entry)?;
        let trusted = self.rules.trust.check(&file, signature.as_deref());
        trusted.map_err(|error: NotTrusted| refused(error.into()))?;
        self.rules.load(entry.kind, &file).map_err(refused)
    }

    /// The model to run in a role: the active one, or, where that cannot be used, the one before.
    /// `None` is the factory's.
    ///
    /// # Errors
    /// [`StoreError`] if the record cannot be read; the factory's runs then.
    pub fn choose(&self, role: Role, part: Part) -> Result<Option<Chosen>, StoreError> {
        let record = self.store.load()?;
        let pointer = record.pointer(role);
        let active = pointer.active;
        let is_on_trial = pointer.trial.is_some();
        let is_skipped = is_on_trial && part == Part::Uncounted;
        let mut slots = active
            .filter(|_| !is_skipped)
            .into_iter()
            .chain(pointer.previous);
        slots
            .find_map(|slot| match self.open(role, slot) {
                Ok(model) => {
                    let sha256 = pointer.entry(slot)?.sha256.clone();
                    Some(Ok(Chosen {
                        slot,
                        sha256,
                        model,
                    }))
                }
                Err(error) => {
                    let path = self.store.slot_path(role, slot);
                    tracing::error!("{}: {error}; the one before is used", path.display());
                    let is_trial = is_on_trial && Some(slot) == active;
                    let failed = (is_trial && part == Part::Keeper)
                        .then(|| self.fail(role, Fault::Unusable));
                    failed.and_then(Result::err).map(Err)
                }
            })
            .transpose()
    }
}

/// Whose question it is which model to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Of the program that looks after the models and holds the lock: a model on trial that cannot
    /// be used is rolled back.
    Keeper,
    /// Of that program, where it could not write its start down: a model on trial is not run.
    Uncounted,
    /// Of any other program: nothing is written.
    Guest,
}

/// What [`Installer::choose`] found.
pub struct Chosen {
    /// Where it lies.
    pub slot: Slot,
    /// Which one it is.
    pub sha256: String,
    /// Ready to run.
    pub model: Loaded,
}

fn fail_in(record: &mut Record, role: Role, fault: Fault) -> Option<RolledBack> {
    let pointer = record.pointer_mut(role);
    let version = pointer.active_entry()?.version;
    if !pointer.roll_back(Some(fault)) {
        return None;
    }
    record.last_install.retain(|other| *other != role);
    Some(RolledBack {
        role,
        version,
        fault,
    })
}
