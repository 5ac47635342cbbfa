//! Models that come after the program: who must have signed them, where they are kept, and how one
//! is tried before it counts. `docs/updates.md` has the state machine as a table.

mod options;
pub mod trust;

pub use options::UpdateOptions;
