//! The offline counter: visits and expressions by the hour, kept on the device alone.
//!
//! Judged frames become visits ([`visit`]), which a thread of its own writes to a database
//! ([`store`]) every few seconds; the output thread never waits for a disk. The right time may come
//! late, so rows carry the time since the boot and a boot its offset to the wall clock ([`clock`]).
//! [`history`] and [`export`] read them again. docs/counting.md says what exactly is counted.

mod batch;
pub mod clock;
pub mod export;
pub mod history;
mod live;
mod options;
pub mod range;
pub mod report;
pub mod store;
mod tally;
pub mod today;
pub mod visit;
mod writer;

pub use live::Counter;
pub use options::CounterOptions;

/// The database's name in the state folder ([`crate::state::folder`]).
pub const DATABASE: &str = "counts.db";
