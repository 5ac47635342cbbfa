//! The offline counter: visits and expressions by the hour, kept on the device alone.

pub mod today;
