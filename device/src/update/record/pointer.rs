//! One role's pointer and the steps it may take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FileKind;

/// One of a role's two places for an installed model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The folder `a`.
    A,
    /// The folder `b`.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// Its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file's kind.
    pub kind: FileKind,
    /// The version in its header.
    pub version: u64,
    /// The model id in its header, lower-case hex.
    pub model_id: String,
    /// SHA-256 of the whole file, lower-case hex.
    pub sha256: String,
    /// Length of the file.
    pub bytes: u64,
    /// The key that signed it, lower-case hex; `bundled` for the repository's own models, and none
    /// for an unsigned one.
    pub signed_by: Option<String>,
}

/// A trial that is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// How often the program has begun to run the model and not ended in peace.
    pub starts: u32,
}

/// Why a model was rolled back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It could not be loaded, or did not compute its golden values.
    Unusable,
    /// The program kept ending within the trial.
    CrashLoop,
    /// Its stage stood still.
    Stall,
}

/// A version that is not installed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// Kind of the file.
    pub kind: FileKind,
    /// Version of the file.
    pub version: u64,
    /// What it did.
    pub fault: Fault,
}

/// Most blocked versions that are remembered; the oldest goes.
const MAX_BLOCKED: usize = 64;

/// A role's pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pointer {
    /// The slot whose model runs; none is the factory's, inside the program.
    pub active: Option<Slot>,
    /// The slot that a rollback goes to; none is the factory's.
    pub previous: Option<Slot>,
    /// What slot `a` holds.
    pub a: Option<Entry>,
    /// What slot `b` holds.
    pub b: Option<Entry>,
    /// Whether the active one is on trial.
    pub trial: Option<Trial>,
    /// Highest confirmed version of each kind of file: no lower one is installed.
    pub floors: BTreeMap<FileKind, u64>,
    /// Versions that failed their trial.
    pub blocked: Vec<Blocked>,
}

impl Pointer {
    /// What a slot holds.
    pub fn entry(&self, slot: Slot) -> Option<&Entry> {
        match slot {
            Slot::A => self.a.as_ref(),
            Slot::B => self.b.as_ref(),
        }
    }

    fn entry_mut(&mut self, slot: Slot) -> &mut Option<Entry> {
        match slot {
            Slot::A => &mut self.a,
            Slot::B => &mut self.b,
        }
    }

    /// The active model, if it is an installed one.
    pub fn active_entry(&self) -> Option<&Entry> {
        self.entry(self.active?)
    }

    /// Where the next model goes: the slot that does not run.
    pub fn spare(&self) -> Slot {
        self.active.map_or(Slot::A, Slot::other)
    }

    /// Step 1 of an install: nothing points to the spare slot any more.
    pub fn clear_spare(&mut self) {
        let spare = self.spare();
        *self.entry_mut(spare) = None;
        if self.previous == Some(spare) {
            self.previous = None;
        }
    }

    /// Step 3 of an install: the spare slot, which now holds `entry`, becomes the active one, on
    /// trial. `starts` is 1 where it begins to run at once.
    pub fn begin_trial(&mut self, entry: Entry, starts: u32) {
        let spare = self.spare();
        *self.entry_mut(spare) = Some(entry);
        self.previous = self.active;
        self.active = Some(spare);
        self.trial = Some(Trial { starts });
    }

    /// The program begins to run the active model. A fault if it has begun too often within the
    /// trial; the caller rolls back then.
    pub fn count_start(&mut self, max_starts: u32) -> Option<Fault> {
        let trial = self.trial.as_mut()?;
        if trial.starts >= max_starts {
            return Some(Fault::CrashLoop);
        }
        trial.starts += 1;
        None
    }

    /// The program ended because it was told to: that start was no crash.
    pub fn uncount_start(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.starts = trial.starts.saturating_sub(1);
        }
    }

    /// The trial was passed. The floor rises to the model's version, unless nobody vouches for it.
    pub fn confirm(&mut self) {
        if self.trial.take().is_none() {
            return;
        }
        let Some(entry) = self.active_entry() else {
            return;
        };
        if entry.signed_by.is_some() {
            let (kind, version) = (entry.kind, entry.version);
            let floor = self.floors.entry(kind).or_default();
            *floor = version.max(*floor);
            let floor = *floor;
            // What the floor keeps out need not be remembered.
            self.blocked
                .retain(|blocked| blocked.kind != kind || blocked.version > floor);
        }
    }

    /// Back to the model before, or the factory's. With a fault the version is blocked. Whether
    /// there was anything to go back from.
    pub fn roll_back(&mut self, fault: Option<Fault>) -> bool {
        let Some(active) = self.active else {
            return false;
        };
        if let (Some(fault), Some(entry)) = (fault, self.entry(active)) {
            let blocked = Blocked {
                kind: entry.kind,
                version: entry.version,
                fault,
            };
            if self.blocked.len() >= MAX_BLOCKED {
                self.blocked.remove(0);
            }
            self.blocked.push(blocked);
        }
        self.active = self.previous.take();
        self.trial = None;
        true
    }
}
