//! Where the device keeps what must survive a restart.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of the service (`StateDirectory=mien` in its systemd unit).
pub const SERVICE_FOLDER: &str = "/var/lib/mien";

/// The folder, by environment: `MIEN_STATE_DIR`, else what systemd made for the service
/// (`StateDirectory=mien`: /var/lib/mien), else `$XDG_DATA_HOME/mien`, usually
/// `~/.local/share/mien`. `None` where none of them says.
pub fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    if let Some(folder) = variable("MIEN_STATE_DIR").filter(|folder| !folder.is_empty()) {
        return Some(folder.into());
    }
    // systemd.exec(5): several folders are separated by colons.
    if let Some(folders) = variable("STATE_DIRECTORY") {
        return std::env::split_paths(&folders).next();
    }
    let data = absolute("XDG_DATA_HOME").or_else(|| {
        let home = absolute("HOME")?;
        Some(home.join(Path::new(".local/share")))
    })?;
    Some(data.join("mien"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Option<PathBuf> {
        folder(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    #[test]
    fn the_most_explicit_place_counts() {
        let home = ("HOME", "/h");
        assert_eq!(of(&[home]), Some("/h/.local/share/mien".into()));
        assert_eq!(of(&[home, ("XDG_DATA_HOME", "/x")]), Some("/x/mien".into()));
        assert_eq!(
            of(&[home, ("XDG_DATA_HOME", "x")]),
            Some("/h/.local/share/mien".into())
        );
        let service = ("STATE_DIRECTORY", "/var/lib/mien:/other");
        assert_eq!(of(&[home, service]), Some("/var/lib/mien".into()));
        assert_eq!(of(&[service, ("MIEN_STATE_DIR", "s")]), Some("s".into()));
        assert_eq!(
            of(&[home, ("MIEN_STATE_DIR", "")]),
            Some("/h/.local/share/mien".into())
        );
        assert_eq!(of(&[]), None);
    }
}
