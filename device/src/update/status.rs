//! What `mien-device status` tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::UpdateOptions;
use super::check::Rules;
use super::protocol::{RoleStatus, Standing, Status, TrialStatus};
use super::record::{FileKind, Record, Role, Slot};

/// The latest status, for whoever shows it: the run writes, the page reads. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Latest(Arc<Mutex<Option<Status>>>);

impl Latest {
    /// The status; `None` where nothing is known, such as without a state folder.
    pub fn get(&self) -> Option<Status> {
        self.lock().clone()
    }

    /// Replaces it.
    pub fn set(&self, status: Status) {
        *self.lock() = Some(status);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Status>> {
        // Plain data: nothing is half written where a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How things are by `record`. `healthy` is how long models on trial have run without a fault, where
/// the program runs.
pub fn status(
    record: &Record,
    rules: &Rules,
    options: &UpdateOptions,
    healthy: Option<&BTreeMap<Role, Duration>>,
) -> Status {
    let role = |role| role_status(role, record, rules, options, healthy);
    let key_ids = rules.trust.key_ids();
    Status {
        running: healthy.is_some(),
        trusted_keys: key_ids.iter().map(ToString::to_string).collect(),
        allow_unsigned: rules.trust.allows_unsigned(),
        expression: role(Role::Expression),
        detector: role(Role::Detector),
    }
}

fn role_status(
    role: Role,
    record: &Record,
    rules: &Rules,
    options: &UpdateOptions,
    healthy: Option<&BTreeMap<Role, Duration>>,
) -> RoleStatus {
    let pointer = record.pointer(role);
    let standing = match (pointer.active, pointer.trial) {
        _ if rules.named_elsewhere.contains(&role) => Standing::Named,
        (None, _) => Standing::Factory,
        (Some(_), Some(_)) => Standing::Trial,
        (Some(_), None) => Standing::Confirmed,
    };
    let trial = pointer.trial.map(|trial| TrialStatus {
        starts: trial.starts,
        max_starts: options.max_starts,
        healthy_s: healthy.map(|healthy| healthy.get(&role).map_or(0, Duration::as_secs)),
        trial_s: options.trial_s,
    });
    let slot = |slot: Slot| (slot.name().to_owned(), pointer.entry(slot).cloned());
    let kinds = [FileKind::Expression, FileKind::Cascade, FileKind::Yunet];
    let kinds = kinds.into_iter().filter(|kind| kind.role() == role);
    let floor = kinds.filter_map(|kind| Some((kind, rules.floor(pointer, kind)?)));
    RoleStatus {
        standing,
        active: pointer.active,
        previous: pointer.previous,
        slots: Slot::ALL.map(slot).into(),
        trial,
        floor: floor.collect(),
        blocked: pointer.blocked.clone(),
    }
}
