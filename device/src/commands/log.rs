//! Logs go to the journal where systemd started the program, else to stderr: warnings, or what
//! `RUST_LOG` or the configuration asks for.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use mien_device::config::LogLevel;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// To change the level of a running program.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Begins logging.
pub fn start() {
    let asked = EnvFilter::try_from_default_env();
    let is_asked = asked.is_ok();
    let filter = asked.unwrap_or_else(|_| EnvFilter::new(LogLevel::default().name()));
    let (filter, handle) = reload::Layer::new(filter);
    // What `RUST_LOG` asks for stays.
    if !is_asked {
        let _ = FILTER.set(handle);
    }
    let journal = goes_to_journal(std::env::var_os("JOURNAL_STREAM"))
        .then(tracing_journald::layer)
        .and_then(Result::ok);
    let terminal = journal.is_none().then(|| {
        fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never)
            .without_time()
            .with_target(false)
    });
    tracing_subscriber::registry()
        .with(filter)
        .with(journal)
        .with(terminal)
        .init();
}

/// Logs from `level` on, unless `RUST_LOG` says otherwise.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get()
        && let Err(error) = handle.reload(EnvFilter::new(level.name()))
    {
        tracing::warn!("the log level cannot be changed: {error}");
    }
}

/// Whether stderr is the journal's: systemd.exec(5), `$JOURNAL_STREAM` is its device and inode.
fn goes_to_journal(variable: Option<OsString>) -> bool {
    let Some(variable) = variable else {
        return false;
    };
    let stderr = io::stderr();
    rustix::fs::fstat(stderr.as_fd())
        .is_ok_and(|stat| *variable == *format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_its_device_and_inode() {
        assert!(!goes_to_journal(None));
        assert!(!goes_to_journal(Some("1:2:3".into())));
        let stat = rustix::fs::fstat(io::stderr().as_fd()).unwrap();
        let here = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(goes_to_journal(Some(here.into())));
    }
}
