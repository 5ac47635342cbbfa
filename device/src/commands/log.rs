//! Logs go to the journal where systemd started the program, else to stderr: warnings, or what
//! `RUST_LOG` or the configuration asks for.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use mien_device::config::LogLevel;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// To change the level of a running program.
static FILTER: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// Begins logging.
pub fn start() {
    let asked = asked(std::env::var_os("RUST_LOG"));
    let is_asked = asked.is_some();
    let filter = asked.unwrap_or_else(|| from(LogLevel::default()));
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
        && let Err(error) = handle.reload(from(level))
    {
        tracing::warn!("the log level cannot be changed: {error}");
    }
}

/// What `RUST_LOG` says, if it can be understood: a level, or levels by module, `warn,mien_device=debug`.
/// Not [`tracing_subscriber::EnvFilter`], whose regular expressions cost a quarter of a megabyte.
fn asked(variable: Option<OsString>) -> Option<Targets> {
    let text = variable?.into_string().ok()?;
    text.parse().ok().filter(|_| !text.trim().is_empty())
}

fn from(level: LogLevel) -> Targets {
    let level: LevelFilter = level.name().parse().unwrap_or(LevelFilter::WARN);
    Targets::new().with_default(level)
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
    fn levels_are_understood() {
        for level in ["off", "error", "warn", "info", "debug", "trace"] {
            assert!(asked(Some(level.into())).is_some(), "{level}");
        }
        let by_module = asked(Some("warn,mien_device=debug".into())).unwrap();
        let level = tracing::Level::DEBUG;
        assert!(by_module.would_enable("mien_device::capture", &level));
        assert!(!by_module.would_enable("axum", &level));
        for nonsense in ["", " ", "mien=loud"] {
            assert!(asked(Some(nonsense.into())).is_none(), "{nonsense:?}");
        }
        assert!(asked(None).is_none());
        assert_eq!(
            from(LogLevel::default()),
            Targets::new().with_default(LevelFilter::WARN)
        );
    }

    #[test]
    fn the_journal_is_known_by_its_device_and_inode() {
        assert!(!goes_to_journal(None));
        assert!(!goes_to_journal(Some("1:2:3".into())));
        let stat = rustix::fs::fstat(io::stderr().as_fd()).unwrap();
        let here = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(goes_to_journal(Some(here.into())));
    }
}
