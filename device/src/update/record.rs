//! What is installed, as it stands on disk: one record with a pointer per role, and the steps it may
//! take. Plain data and plain functions; writing it is [`store`](super::store)'s work.

use std::collections::BTreeMap;

use mien_models::container::Kind;
use serde::{Deserialize, Serialize};

/// What a model is for. Each has its own pointer and slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Judging expressions.
    Expression,
    /// Finding faces.
    Detector,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Expression, Self::Detector];

    /// As it is spelled in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Detector => "detector",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A kind of file that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// An expression model.
    Expression,
    /// A cascade.
    Cascade,
    /// A YuNet detector.
    Yunet,
}

impl FileKind {
    /// The same of a file's header; `None` for kinds that nothing on a device runs.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Expression => Some(Self::Expression),
            Kind::Cascade => Some(Self::Cascade),
            Kind::Yunet => Some(Self::Yunet),
            Kind::Replay => None,
        }
    }

    /// What it is for.
    pub fn role(self) -> Role {
        match self {
            Self::Expression => Role::Expression,
            Self::Cascade | Self::Yunet => Role::Detector,
        }
    }
}

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

/// All of it: one file, so that several roles change together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Format of this file.
    pub format: u32,
    /// The expression model.
    pub expression: Pointer,
    /// The face detector.
    pub detector: Pointer,
    /// What the last install changed and no rollback has undone.
    #[serde(default)]
    pub last_install: Vec<Role>,
}

/// The only format there is.
pub const FORMAT: u32 = 1;

impl Default for Record {
    /// Nothing was ever installed.
    fn default() -> Self {
        Self {
            format: FORMAT,
            expression: Pointer::default(),
            detector: Pointer::default(),
            last_install: Vec::new(),
        }
    }
}

impl Record {
    /// A role's pointer.
    pub fn pointer(&self, role: Role) -> &Pointer {
        match role {
            Role::Expression => &self.expression,
            Role::Detector => &self.detector,
        }
    }

    /// A role's pointer, to change.
    pub fn pointer_mut(&mut self, role: Role) -> &mut Pointer {
        match role {
            Role::Expression => &mut self.expression,
            Role::Detector => &mut self.detector,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: u64) -> Entry {
        Entry {
            kind: FileKind::Expression,
            version,
            model_id: String::new(),
            sha256: format!("{version}"),
            bytes: 1,
            signed_by: Some("key".into()),
        }
    }

    fn install(pointer: &mut Pointer, version: u64) {
        pointer.clear_spare();
        pointer.begin_trial(entry(version), 1);
    }

    fn active(pointer: &Pointer) -> Option<u64> {
        pointer.active_entry().map(|entry| entry.version)
    }

    #[test]
    fn slots_alternate_and_a_rollback_goes_one_back() {
        let mut pointer = Pointer::default();
        assert!(
            !pointer.roll_back(None),
            "the factory's has nothing before it"
        );
        for version in 1..=3 {
            install(&mut pointer, version);
            pointer.confirm();
            assert_eq!(active(&pointer), Some(version));
        }
        assert_eq!(pointer.active, Some(Slot::A));
        assert_eq!(pointer.floors[&FileKind::Expression], 3);
        assert!(pointer.roll_back(None));
        assert_eq!(active(&pointer), Some(2));
        assert!(pointer.blocked.is_empty(), "a person may change their mind");
        assert!(pointer.roll_back(None));
        assert_eq!(active(&pointer), None, "the one before was overwritten");
        assert_eq!(pointer.floors[&FileKind::Expression], 3, "it never sinks");
    }

    #[test]
    fn an_install_that_stops_half_way_leaves_the_active_one() {
        let mut pointer = Pointer::default();
        for version in 1..=2 {
            install(&mut pointer, version);
            pointer.confirm();
        }
        pointer.clear_spare();
        assert_eq!(active(&pointer), Some(2));
        assert!(pointer.roll_back(None));
        assert_eq!(
            active(&pointer),
            None,
            "never to a slot that may be half written"
        );
    }

    #[test]
    fn too_many_starts_are_a_crash_loop() {
        let mut pointer = Pointer::default();
        install(&mut pointer, 7);
        assert_eq!(pointer.trial, Some(Trial { starts: 1 }));
        assert_eq!(pointer.count_start(3), None);
        pointer.uncount_start();
        assert_eq!(pointer.count_start(3), None);
        assert_eq!(pointer.count_start(3), None);
        assert_eq!(pointer.count_start(3), Some(Fault::CrashLoop));
        assert!(pointer.roll_back(Some(Fault::CrashLoop)));
        assert_eq!((active(&pointer), pointer.trial), (None, None));
        let blocked = Blocked {
            kind: FileKind::Expression,
            version: 7,
            fault: Fault::CrashLoop,
        };
        assert_eq!(pointer.blocked, [blocked]);
        assert!(pointer.floors.is_empty(), "it was never confirmed");
        assert_eq!(pointer.count_start(3), None, "no trial, no count");
        // A later version that holds makes the memory needless.
        install(&mut pointer, 8);
        pointer.confirm();
        assert!(pointer.blocked.is_empty());
    }

    #[test]
    fn nobody_s_model_raises_no_floor() {
        let mut pointer = Pointer::default();
        let unsigned = Entry {
            signed_by: None,
            ..entry(u64::MAX)
        };
        pointer.begin_trial(unsigned, 1);
        pointer.confirm();
        assert_eq!(pointer.trial, None);
        assert!(pointer.floors.is_empty());
    }

    #[test]
    fn what_failed_is_not_remembered_without_end() {
        let mut pointer = Pointer::default();
        for version in 1..200 {
            install(&mut pointer, version);
            pointer.roll_back(Some(Fault::Stall));
        }
        assert_eq!(pointer.blocked.len(), MAX_BLOCKED);
        assert_eq!(pointer.blocked[MAX_BLOCKED - 1].version, 199);
    }

    #[test]
    fn it_is_written_as_documented() {
        let mut record = Record::default();
        install(&mut record.expression, 2);
        record.expression.roll_back(Some(Fault::Unusable));
        install(&mut record.expression, 3);
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(
            json,
            "{\"format\":1,\"expression\":{\"active\":\"a\",\"previous\":null,\
             \"a\":{\"kind\":\"expression\",\"version\":3,\"model_id\":\"\",\"sha256\":\"3\",\
             \"bytes\":1,\"signed_by\":\"key\"},\"b\":null,\"trial\":{\"starts\":1},\"floors\":{},\
             \"blocked\":[{\"kind\":\"expression\",\"version\":2,\"fault\":\"unusable\"}]},\
             \"detector\":{\"active\":null,\"previous\":null,\"a\":null,\"b\":null,\"trial\":null,\
             \"floors\":{},\"blocked\":[]},\"last_install\":[]}"
        );
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}
