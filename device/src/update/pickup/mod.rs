//! Models on a card or a stick that was plugged in, or in the state folder's `incoming`: found at a
//! start and offered like any other.
//!
//! Nobody is there to look on, so nothing here may keep the program from running: files are read one
//! by one, and a start that ends while they are looked at is counted (`mark`).

mod find;
mod mark;

use std::path::{Path, PathBuf};

use super::check::{Force, Refused};
use super::fs::Fs;
use super::install::{Installer, UpdateError};
use find::{Found, folders, look};
use mark::Mark;

/// The folder in the state folder.
pub const INCOMING: &str = "incoming";

/// Installs what is found in `STATE/incoming` and on the cards and sticks below `mounts`; a folder's
/// models are installed together or not at all. Nothing is looked at any more after `max_starts` starts
/// that ended while the same files were.
pub fn pick_up<F: Fs>(installer: &Installer<F>, state: &Path, mounts: &[PathBuf], max_starts: u32) {
    let incoming = state.join(INCOMING);
    let folders = folders(mounts).into_iter().chain([incoming.clone()]);
    let folders: Vec<(PathBuf, Vec<Found>)> = folders
        .map(|folder| {
            let found = look(&folder);
            (folder, found)
        })
        .filter(|(_, found)| !found.is_empty())
        .collect();
    let mark = Mark::new(
        installer.store.folder(),
        folders.iter().flat_map(|(_, f)| f),
    );
    if folders.is_empty() {
        mark.remove();
        return;
    }
    match mark.begin() {
        Ok(starts) if starts < max_starts => {}
        Ok(starts) => {
            let first = folders.iter().flat_map(|(_, found)| found).next();
            let first = first.map(|found| found.path.display().to_string());
            tracing::error!(
                "{starts} starts ended while {} and what is beside it were looked at: they are left \
                 alone (hint: take them away, or try `mien-device install FILE`)",
                first.unwrap_or_default()
            );
            return;
        }
        // Nothing could be installed either.
        Err(error) => {
            tracing::warn!("models on cards and sticks are left alone: {error}");
            return;
        }
    }
    for (folder, found) in folders {
        if folder == incoming {
            offer(installer, &found);
            found.iter().for_each(Found::clear);
        } else {
            offer(installer, &found);
        }
    }
    mark.remove();
}

/// Offers the highest version for each role, together. `found` has the highest versions first.
fn offer<F: Fs>(installer: &Installer<F>, found: &[Found]) {
    let mut left: Vec<&Found> = found.iter().collect();
    loop {
        let mut best: Vec<&Found> = Vec::new();
        for candidate in &left {
            if best.iter().all(|other| other.role != candidate.role) {
                best.push(candidate);
            }
        }
        if best.is_empty() {
            return;
        }
        // Two at most: one for each role.
        let read: Result<Vec<_>, _> = best.iter().map(|found| found.read()).collect();
        let offers = match read {
            Ok(offers) => offers,
            Err((path, error)) => {
                tracing::warn!("{} is left out: {error}", path.display());
                left.retain(|found| found.path != path);
                continue;
            }
        };
        let names: Vec<String> = best.iter().map(|f| f.path.display().to_string()).collect();
        match installer.install(&offers, Force(false), false) {
            Ok(_) => {
                tracing::warn!("{}: installed, on trial", names.join(" and "));
                return;
            }
            Err(UpdateError::Refused { index, refused, .. }) if is_passed_over(&refused) => {
                // What a stick holds is offered at every start.
                match refused {
                    Refused::NotTrusted(_) => {
                        tracing::warn!("{} is not installed: {refused}", names[index]);
                    }
                    _ => tracing::info!("{}: {refused}", names[index]),
                }
                let path = &best[index].path;
                left.retain(|found| found.path != *path);
            }
            Err(UpdateError::Refused { index, refused, .. }) => {
                let others = match names.len() {
                    1 => "",
                    _ => ", nor is what lies beside it",
                };
                tracing::warn!("{} is not installed{others}: {refused}", names[index]);
                return;
            }
            Err(error) => {
                tracing::warn!("{} not installed: {error}", names.join(" and "));
                return;
            }
        }
    }
}

/// Whether a file is none of this device's business, or no news: it holds up nothing else.
fn is_passed_over(refused: &Refused) -> bool {
    matches!(
        refused,
        Refused::NotTrusted(_)
            | Refused::Version { .. }
            | Refused::OnTrial { .. }
            | Refused::Blocked { .. }
            | Refused::NamedElsewhere(_)
    )
}

#[cfg(test)]
mod tests;
