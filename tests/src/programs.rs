//! The two programs, as cargo has built them beside the tests.

use std::path::PathBuf;

use crate::shared::required;

/// The host's program and the device's. `None`, with a message, when they are not built: `cargo test
/// --workspace` builds both.
///
/// # Panics
/// When they are not there though `MIEN_REQUIRE_SSHD=1` asks for it.
pub fn both() -> Option<[PathBuf; 2]> {
    let tests = std::env::current_exe().ok()?;
    // target/debug/deps/TEST
    let folder = tests.parent()?.parent()?;
    let programs = ["mien", "mien-device"].map(|name| folder.join(name));
    if programs.iter().all(|program| program.exists()) {
        return Some(programs);
    }
    let message = "mien and mien-device are not built (hint: cargo build --workspace)";
    assert!(!required("MIEN_REQUIRE_SSHD"), "{message}");
    eprintln!("skipped: {message}");
    None
}

/// OpenSSH's server, which must be called by its whole path. `None`, with a message, when it is not
/// there.
///
/// # Panics
/// When it is not there though `MIEN_REQUIRE_SSHD=1` asks for it.
pub fn sshd() -> Option<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"].map(PathBuf::from);
    let found = places.into_iter().find(|path| path.exists());
    if found.is_none() {
        let message = "there is no sshd (hint: apt install openssh-server)";
        assert!(!required("MIEN_REQUIRE_SSHD"), "{message}");
        eprintln!("skipped: {message}");
    }
    found
}
