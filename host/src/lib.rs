//! Mien on the host.
