//! The model container.

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// An expression network.
    Expression = 1,
    /// A Viola-Jones cascade.
    Cascade = 2,
    /// A YuNet face detector.
    Yunet = 3,
    /// A replay set for adaptation.
    Replay = 4,
}
