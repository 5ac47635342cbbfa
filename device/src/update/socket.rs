//! Where the running program can be asked, and asking it.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{self, Reply, Request};

/// The socket's name in its folder.
const NAME: &str = "control";
/// Where the service's folder for it is (`RuntimeDirectory=mien`).
const SERVICE_FOLDER: &str = "/run/mien";
/// How long an answer may take: loading a model on a slow card.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the program listens: in the folder that systemd made for it, else in its state folder.
pub fn own_path(variable: impl Fn(&str) -> Option<OsString>, state: &Path) -> PathBuf {
    let folders = variable("RUNTIME_DIRECTORY");
    // systemd.exec(5): several folders are separated by colons.
    let folder = folders.and_then(|folders| std::env::split_paths(&folders).next());
    folder.unwrap_or_else(|| state.to_owned()).join(NAME)
}

/// Where a program may be listening that works on the state folder `state`. `is_explicit` says that
/// the environment names that folder: then no other program is meant.
pub fn paths(state: &Path, is_explicit: bool) -> Vec<PathBuf> {
    let own = state.join(NAME);
    match is_explicit {
        true => vec![own],
        false => vec![Path::new(SERVICE_FOLDER).join(NAME), own],
    }
}

/// The listening socket; its file is removed when it is dropped.
#[derive(Debug)]
pub struct Listener {
    /// Does not block.
    pub socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. Whoever is in the group of the program's user may connect, nobody else.
    /// What an earlier program has left there is replaced; the caller holds the lock.
    ///
    /// # Errors
    /// Those of the system, among them a path of more than about 100 bytes.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let new = path.with_extension("new");
        remove(&new)?;
        // Renamed when it has its permissions, so that there is no moment without them.
        let socket = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o660))?;
        fs::rename(&new, path)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Asks the running program. `None` if nobody listens at any of the `paths`; `bytes` follow the
/// request.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] where somebody listens whom we may not ask, and what goes wrong
/// on the way.
pub fn ask(paths: &[PathBuf], request: &Request, bytes: &[u8]) -> io::Result<Option<Reply>> {
    let Some(mut stream) = connect(paths)? else {
        return Ok(None);
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // Whoever refuses the files need not read them: the answer says why.
    let sent = protocol::write_line(&mut stream, request)
        .and_then(|()| io::Write::write_all(&mut stream, bytes));
    match (protocol::read_line(&mut stream), sent) {
        (Ok(reply), _) => Ok(Some(reply)),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
    }
}

fn connect(paths: &[PathBuf]) -> io::Result<Option<UnixStream>> {
    let mut denied = None;
    for path in paths {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => denied = Some(error),
            // Nothing there, or what a killed program has left.
            Err(_) => {}
        }
    }
    denied.map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_has_a_folder_of_its_own() {
        let none = |_: &str| None;
        let systemd = |name: &str| (name == "RUNTIME_DIRECTORY").then(|| "/run/mien:/b".into());
        let state = Path::new("/s");
        assert_eq!(own_path(none, state), Path::new("/s/control"));
        assert_eq!(own_path(systemd, state), Path::new("/run/mien/control"));
        assert_eq!(paths(state, true), [Path::new("/s/control")]);
        let both = [Path::new("/run/mien/control"), Path::new("/s/control")];
        assert_eq!(paths(state, false), both);
    }

    #[test]
    fn the_socket_is_for_the_group_and_goes_with_its_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        fs::write(&path, "left by a killed program").unwrap();
        let listener = Listener::bind(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        drop(listener);
        assert!(!path.exists());
        assert!(ask(&[path], &Request::Status, &[]).unwrap().is_none());
    }
}
