//! What is installed, as it stands on disk: one record with a pointer per role, and the steps it may
//! take. Plain data and plain functions; writing it is [`store`](super::store)'s work.

mod pointer;
#[cfg(test)]
mod tests;

use mien_models::container::Kind;
use serde::{Deserialize, Serialize};

pub use pointer::{Blocked, Entry, Fault, Pointer, Slot, Trial};

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
