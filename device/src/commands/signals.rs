//! What signals do to a run: SIGTERM and Ctrl-C end it, SIGHUP has it read its configuration again.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::Failure;
use super::off;

/// A flag that Ctrl-C and SIGTERM set. A second one ends the program at once and unfinished, but the
/// lights do not stay on: the process becomes `mien-device off` with `arguments`.
pub fn stop(arguments: Vec<OsString>) -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let (mut signals, told) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stop))?;
        low_level::pipe::register(signal, told.try_clone()?)?;
    }
    let watch = move || {
        // A byte for each signal.
        if signals.read_exact(&mut [0; 2]).is_ok() {
            go_dark(arguments);
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)?;
    Ok(stop)
}

/// Puts another program into this process. That ends all of its threads, whatever they wait for, and
/// among them those that would switch a light on again.
fn go_dark(arguments: Vec<OsString>) -> ! {
    if let Ok(program) = std::env::current_exe() {
        let error = Command::new(program).args(arguments).exec();
        tracing::error!("the lights may still be on: {error}");
    }
    // Without what usually comes at the end, which may be what takes so long.
    low_level::exit(off::UNFINISHED.into())
}

/// A flag that SIGHUP sets, as `systemctl reload` sends it: read the configuration again. At a desk
/// it says that the terminal is gone, and ends the program.
pub fn pause() -> Result<Arc<AtomicBool>, Failure> {
    let pause = Arc::new(AtomicBool::new(false));
    if !io::stdin().is_terminal() {
        flag::register(SIGHUP, Arc::clone(&pause))?;
    }
    Ok(pause)
}
