//! `mien-device status`: which models run, where they come from, and how far a trial is.

use mien_device::update::protocol::{Reply, Request, RoleStatus, Standing, Status};
use mien_device::update::record::{Entry, Slot};
use mien_device::update::status::status;

use super::Outcome;
use super::control::{self, Place};
use super::open::ConfigArgs;

/// Arguments of `mien-device status`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device status
  mien-device status --json | jq .expression.standing")]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let place = Place::find()?;
    let done = match place.ask(&Request::Status, &[])? {
        Some(reply) => control::expect(reply, |reply| match reply {
            Reply::Status(status) => Some(*status),
            _ => None,
        })?,
        None => {
            let config = args.config.load()?;
            let installer = place.installer(&config)?;
            let record = installer.store.load();
            let record = record.map_err(|error| place.unusable(error))?;
            Ok(status(&record, &installer.rules, &config.updates, None))
        }
    };
    control::answer(done, args.json, describe)
}

fn describe(status: &Status) -> String {
    let running = match status.running {
        true => "running",
        false => "not running",
    };
    let mut text = format!("mien-device    {running}\n");
    text += &match (&status.trusted_keys[..], status.allow_unsigned) {
        (_, true) => "trusted keys   any: unsigned models are allowed\n".to_owned(),
        ([], false) => "trusted keys   none\n".to_owned(),
        (keys, false) => format!("trusted keys   {}\n", keys.join(", ")),
    };
    for (name, role) in [
        ("expression", &status.expression),
        ("detector", &status.detector),
    ] {
        text += &format!("\n{name:<14} {}\n", standing(role));
        for slot in Slot::ALL {
            let Some(Some(entry)) = role.slots.get(slot.name()) else {
                continue;
            };
            let mark = match () {
                () if role.active == Some(slot) => " (active)",
                () if role.previous == Some(slot) => " (rollback)",
                () => "",
            };
            text += &format!(
                "  slot {}       {}{mark}\n",
                slot.name(),
                describe_entry(entry)
            );
        }
        for (kind, floor) in &role.floor {
            let kind = format!("{kind:?}").to_lowercase();
            text += &format!("  floor        {kind} version {floor}; only higher ones are taken\n");
        }
        for blocked in &role.blocked {
            let fault = format!("{:?}", blocked.fault).to_lowercase();
            text += &format!("  blocked      version {} ({fault})\n", blocked.version);
        }
    }
    text
}

fn standing(role: &RoleStatus) -> String {
    match (role.standing, &role.trial) {
        (Standing::Factory, _) => "the program's own".to_owned(),
        (Standing::Named, _) => "named by the configuration or the command line".to_owned(),
        (Standing::Confirmed, _) => "installed, confirmed".to_owned(),
        (Standing::Trial, None) => "installed, on trial".to_owned(),
        (Standing::Trial, Some(trial)) => {
            let (starts, most, seconds) = (trial.starts, trial.max_starts, trial.trial_s);
            let healthy = trial.healthy_s.map(|healthy| format!("{healthy} of "));
            let healthy = healthy.unwrap_or_default();
            format!("installed, on trial: {healthy}{seconds} s, start {starts} of {most}")
        }
    }
}

fn describe_entry(entry: &Entry) -> String {
    let signer = match entry.signed_by.as_deref() {
        None => "unsigned".to_owned(),
        Some("bundled") => "bundled".to_owned(),
        Some(key) => format!("signed by {key}"),
    };
    let kind = format!("{:?}", entry.kind).to_lowercase();
    let (version, bytes) = (entry.version, entry.bytes);
    format!("{kind} version {version}, {bytes} bytes, {signer}")
}
