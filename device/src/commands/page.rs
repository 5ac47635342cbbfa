//! Starting the page that `--kiosk` or the configuration asks for.

use anyhow::anyhow;
use mien_device::config::Config;
use mien_device::kiosk::{Kiosk, KioskError, Limits, Parts};

use super::Failure;

/// Starts the page and says where it is. `asked` on the command line, an address that is taken is an
/// error; configured, it is tried again, since a network may come later.
pub fn start(config: &Config, asked: bool, parts: Parts) -> Result<Option<Kiosk>, Failure> {
    if !asked && !config.kiosk.enabled {
        return Ok(None);
    }
    let kiosk = Kiosk::start(&config.kiosk, parts, Limits::default(), !asked);
    let kiosk = kiosk.map_err(|error| {
        let is_usage = matches!(
            error,
            KioskError::Options(_) | KioskError::Token { .. } | KioskError::Language { .. }
        );
        let error = anyhow!(error).context("no page");
        if is_usage {
            Failure::Usage(error)
        } else {
            Failure::Nothing(error)
        }
    })?;
    for address in kiosk.addresses() {
        eprintln!("page: http://{address}/");
    }
    Ok(Some(kiosk))
}
