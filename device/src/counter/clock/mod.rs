//! Time on a machine without a battery clock.
//!
//! A Pi starts with a wrong time and learns the right one later, or never. What always holds is the
//! time since the boot, so that is what rows carry; a boot has an offset that makes wall-clock time
//! of it. When a better offset becomes known, it holds for all rows of the boot, the earlier ones
//! too.

mod system;

pub use system::SystemClock;

/// A change of the offset below this is none: the two clocks are read one after the other, and a
/// machine that wakes up takes the time from a clock of whole seconds. Milliseconds.
const STEP_MS: u64 = 1000;
/// 2025-01-01: no clock of this program's users says less, if it was ever set. Unix milliseconds.
pub const EARLIEST_MS: i64 = 1_735_689_600_000;
/// A clock that nobody vouches for is believed with what cannot be undone after so long without a
/// change.
const SETTLED_US: u64 = 3_600_000_000;

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The boot's id: another one after every start of the machine.
    fn boot_id(&self) -> &str;
    /// Microseconds since the boot, sleep included. Never goes back.
    fn boot_us(&self) -> u64;
    /// Milliseconds since 1970 (UTC), as far as the machine knows.
    fn wall_ms(&self) -> i64;
    /// Whether the time is known to come from a good source.
    fn is_synchronized(&self) -> bool;
}

/// How far a boot's offset is to be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// The clock was never set.
    #[default]
    Unknown,
    /// It says something possible, and nobody vouches for it.
    Set,
    /// It was set from the network or a better clock.
    Synchronized,
}

impl Trust {
    /// As exports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Set => "set",
            Self::Synchronized => "synchronized",
        }
    }

    /// The number in the database.
    pub fn to_number(self) -> i64 {
        self as i64
    }

    /// The other way; a number from nowhere is unknown.
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Set,
            2 => Self::Synchronized,
            _ => Self::Unknown,
        }
    }
}

/// A change of the clock that was not the passing of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in microseconds since the boot.
    pub boot_us: u64,
    /// The offset before, milliseconds.
    pub from_ms: i64,
    /// The offset after, milliseconds.
    pub to_ms: i64,
    /// What the new one is worth.
    pub trust: Trust,
    /// Whether the boot's rows follow it.
    pub is_applied: bool,
}

/// Offset of a boot: wall-clock time is the time since the boot and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootTime {
    /// The offset that counts, milliseconds.
    pub offset_ms: i64,
    /// How far it is to be believed.
    pub trust: Trust,
    /// The offset that the clock said last.
    seen_ms: i64,
    /// When that changed last.
    changed_us: u64,
}

impl BootTime {
    /// What the clock says now.
    pub fn new(clock: &dyn Clock) -> Self {
        let boot_us = clock.boot_us();
        let wall_ms = clock.wall_ms();
        let offset_ms = wall_ms - (boot_us / 1000) as i64;
        Self {
            offset_ms,
            trust: trust(wall_ms, clock.is_synchronized()),
            seen_ms: offset_ms,
            changed_us: boot_us,
        }
    }

    /// Looks at the clock again. The newest offset counts that is worth at least as much as the one
    /// before: a clock that was set right is not made wrong by one that jumps.
    pub fn look(&mut self, clock: &dyn Clock) -> Option<Step> {
        let boot_us = clock.boot_us();
        let wall_ms = clock.wall_ms();
        let now_ms = wall_ms - (boot_us / 1000) as i64;
        let trust = trust(wall_ms, clock.is_synchronized());
        let from_ms = self.seen_ms;
        let has_stepped = now_ms.abs_diff(from_ms) > STEP_MS;
        if has_stepped {
            self.seen_ms = now_ms;
            self.changed_us = boot_us;
        }
        let is_applied = trust >= self.trust && now_ms.abs_diff(self.offset_ms) > STEP_MS;
        if is_applied {
            self.offset_ms = now_ms;
        }
        // Without a step, what was known once is known still.
        if self.seen_ms.abs_diff(self.offset_ms) <= STEP_MS {
            self.trust = self.trust.max(trust);
        }
        (has_stepped || is_applied).then_some(Step {
            boot_us,
            from_ms,
            to_ms: now_ms,
            trust,
            is_applied,
        })
    }

    /// What an earlier run of the same boot knew.
    pub fn remember(&mut self, offset_ms: i64, trust: Trust) {
        if trust > self.trust {
            self.offset_ms = offset_ms;
            self.trust = trust;
        }
    }

    /// Milliseconds since 1970 at a time since the boot.
    pub fn wall_ms(&self, boot_us: u64) -> i64 {
        self.offset_ms + (boot_us / 1000) as i64
    }

    /// Whether what cannot be undone may rest on the offset: it is vouched for, or has stood for an
    /// hour.
    pub fn is_settled(&self, boot_us: u64) -> bool {
        match self.trust {
            Trust::Unknown => false,
            Trust::Set => boot_us.saturating_sub(self.changed_us) >= SETTLED_US,
            Trust::Synchronized => true,
        }
    }
}

fn trust(wall_ms: i64, is_synchronized: bool) -> Trust {
    match is_synchronized {
        _ if wall_ms < EARLIEST_MS => Trust::Unknown,
        false => Trust::Set,
        true => Trust::Synchronized,
    }
}

#[cfg(test)]
mod tests;
