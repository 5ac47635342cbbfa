//! `mien flash`: models to devices.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, bail, ensure};
use mien_device::update::record::Role;
use mien_host::flash::{self, Job, Outcome, Parcel, Ssh, card};
use mien_host::progress::{Progress, Unit};
use mien_models::embedded;
use serde::Serialize;

use crate::commands;
use crate::commands::ssh_args::SshArgs;
use crate::commands::table::Table;

/// Arguments of `mien flash`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien flash pi@museum.local visitors.postcard
  mien flash hall,door,shop visitors.postcard yunet.postcard
  mien flash hall --dry-run visitors.postcard   would it be taken?
  mien flash hall --rollback
  mien flash --root /media/stick visitors.postcard")]
pub struct Args {
    /// HOST or user@HOST, several with commas; then model files with their FILE.sig beside them. A device
    /// takes all of them or none.
    #[arg(required = true, value_name = "HOST FILE")]
    arguments: Vec<PathBuf>,
    /// Write to a card or stick mounted at DIR instead; the device picks it up when it starts.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rollback", "dry_run", "force", "json"])]
    root: Option<PathBuf>,
    /// Go back to the models before the last install.
    #[arg(long)]
    rollback: bool,
    /// Send and check everything, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Install a model although one of its labels has no light on the device.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ssh: SshArgs,
}

/// What was done where.
#[derive(Serialize)]
struct Row {
    host: String,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(root) = &args.root {
        return write_card(root, &args);
    }
    let (hosts, files) = args.arguments.split_first().context("no host")?;
    let hosts = hosts.to_str().context("a host is text")?;
    let hosts: Vec<&str> = hosts.split(',').filter(|host| !host.is_empty()).collect();
    ensure!(!hosts.is_empty(), "no host");
    if let Some(file) = hosts.iter().find(|host| host.ends_with(".postcard")) {
        bail!("{file} is a file; the host comes first: mien flash HOST {file}");
    }
    if args.rollback {
        ensure!(files.is_empty(), "--rollback takes no files");
        return report(&hosts, Job::RollBack, &args);
    }
    ensure!(!files.is_empty(), "which files? mien flash HOST FILE…");
    let parcel = pack(files)?;
    let job = Job::Install {
        parcel: &parcel,
        force: args.force,
        dry_run: args.dry_run,
    };
    report(&hosts, job, &args)
}

fn pack(files: &[PathBuf]) -> anyhow::Result<Parcel> {
    let parcel = Parcel::pack(files)?;
    for path in parcel.unsigned() {
        let is_bundled = std::fs::read(path).is_ok_and(|file| embedded::is_bundled(&file));
        if !is_bundled {
            let path = path.display();
            eprintln!("warning: {path} is unsigned; devices refuse it unless they are told not to");
        }
    }
    Ok(parcel)
}

fn write_card(root: &Path, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(root.is_dir(), "--root {}: no such folder", root.display());
    pack(&args.arguments)?;
    let folder = card::folder(root);
    let copies = card::copy(&args.arguments, &folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    for copy in copies {
        commands::print(&format!("{}\n", copy.display()))?;
    }
    eprintln!("the device takes them when it starts with this medium, if it trusts them");
    Ok(ExitCode::SUCCESS)
}

/// All hosts at once, then a line for each.
fn report(hosts: &[&str], job: Job<'_>, args: &Args) -> anyhow::Result<ExitCode> {
    let rows = all(hosts, job, &args.ssh.ssh(), args.ssh.program(), args.json);
    if args.json {
        commands::print(&(serde_json::to_string_pretty(&rows)? + "\n"))?;
    } else {
        commands::print(&describe(&rows))?;
    }
    let failed = rows
        .iter()
        .any(|row| matches!(row.outcome, Outcome::Failed(_)));
    Ok(ExitCode::from(u8::from(failed)))
}

fn all(hosts: &[&str], job: Job<'_>, ssh: &Ssh, program: &str, is_silent: bool) -> Vec<Row> {
    let bytes = match job {
        Job::Install { parcel, .. } => parcel.bytes().len() * hosts.len(),
        Job::RollBack | Job::Trust(_) => 0,
    };
    let progress = match is_silent {
        true => Progress::Silent,
        false => Progress::auto(),
    };
    let task = progress.start("sending", bytes as u64, Unit::Bytes);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> = hosts
            .iter()
            .map(|host| scope.spawn(|| flash::run(ssh, host, program, job, &task)))
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|fault| std::panic::resume_unwind(fault))
        });
        joined.collect()
    });
    task.finish();
    let hosts = hosts.iter().map(|host| (*host).to_owned());
    hosts
        .zip(outcomes)
        .map(|(host, outcome)| Row { host, outcome })
        .collect()
}

fn describe(rows: &[Row]) -> String {
    if let [row] = rows {
        return format!("{}: {}\n", row.host, words(&row.outcome));
    }
    let mut table = Table::default();
    table.row(["host", "outcome"]);
    let width = rows.iter().map(|row| words(&row.outcome).chars().count());
    let width = width.max().unwrap_or(0);
    for row in rows {
        // The table puts all but the first column to the right.
        table.row([row.host.clone(), format!("{:<width$}", words(&row.outcome))]);
    }
    table.render()
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Installed(installed) => {
            let models = installed.models.iter();
            let models: Vec<String> = models
                .map(|model| format!("{} version {}", model.kind.role(), model.version))
                .collect();
            let models = models.join(", ");
            let seconds = installed.trial_s;
            match (installed.dry_run, installed.live) {
                (true, _) => format!("{models} would be installed"),
                (false, true) => format!("{models} runs, on trial for {seconds} s"),
                (false, false) => format!("{models} runs from the next start on"),
            }
        }
        Outcome::RolledBack(rolled_back) => {
            let roles: Vec<&str> = rolled_back
                .roles
                .iter()
                .map(|role: &Role| role.name())
                .collect();
            format!("{}: the model before", roles.join(", "))
        }
        Outcome::Trusted => "the key is trusted".to_owned(),
        Outcome::Failed(refusal) => format!("failed: {}", refusal.message),
    }
}
