//! Models that come after the program: who must have signed them, where they are kept, and how one
//! is tried before it counts. `docs/updates.md` has the state machine as a table.
//!
//! [`record`] is the state machine as plain data, [`store`] keeps it on disk through [`fs`],
//! [`check`] says what a model must be, [`install`] puts the three together. While the program runs,
//! [`daemon`] alone changes anything, and others ask it to in the words of [`protocol`].

pub mod check;
pub mod daemon;
pub mod fs;
pub mod install;
pub mod lock;
mod options;
pub mod pickup;
pub mod protocol;
pub mod record;
pub mod socket;
pub mod status;
pub mod store;
pub mod trust;

pub use options::UpdateOptions;
