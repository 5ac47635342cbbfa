//! `mien-device trust`: whose signatures count, written into the configuration.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use mien_device::config::Config;
use mien_device::update::trust::Trust;
use mien_models::signature::PublicKey;
use toml::{Table, Value};

use super::open::ConfigArgs;
use super::{Failure, Outcome};

/// The file that this command writes.
const NAME: &str = "50-trusted-keys.toml";

/// Arguments of `mien-device trust`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sudo mien-device trust MCowBQYDK2VwAyEA…        the middle line of KEY.pub
  sudo mien-device trust --add NEW                beside the old key, while it is replaced")]
pub struct Args {
    /// Public key: the middle line of what `mien keygen` wrote to KEY.pub
    key: String,
    /// Keep the keys that are trusted already
    #[arg(long)]
    add: bool,
    /// Folder of the configuration that the key is written into
    #[arg(long, value_name = "DIR", default_value = "/etc/mien/conf.d")]
    folder: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let key: PublicKey = args
        .key
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("KEY: {error}")))?;
    let mut config = args.config.load()?;
    let trusted = super::open::trust(&config)?.key_ids();
    let mut stdout = std::io::stdout().lock();
    if trusted.contains(&key.id()) {
        writeln!(stdout, "key {} is trusted already", key.id())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(other), false) = (trusted.first(), args.add) {
        return Err(Failure::Work(anyhow!(
            "key {other} is trusted here; --add keeps it, and who wants it gone removes it from \
             [updates] trusted_keys (`mien-device config show` tells where that is)"
        )));
    }
    config.updates.trusted_keys.push(key.to_string());
    check(&config)?;
    let path = args.folder.join(NAME);
    write(&path, &config).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => Failure::Nothing(anyhow!(
            "{}: {error}. This mends it:\n  sudo mien-device trust {}{key}",
            path.display(),
            if args.add { "--add " } else { "" },
        )),
        _ => Failure::Work(anyhow!("{}: {error}", path.display())),
    })?;
    writeln!(
        stdout,
        "{}: key {} is trusted from the next start on (sudo systemctl restart mien-device)",
        path.display(),
        key.id()
    )?;
    Ok(ExitCode::SUCCESS)
}

/// That what is about to be written will be read.
fn check(config: &Config) -> Result<(), Failure> {
    let refused = |error: String| Failure::Work(anyhow!(error));
    config.check().map_err(refused)?;
    Trust::load(&config.updates).map_err(|error| refused(error.to_string()))?;
    Ok(())
}

/// Replaces the file, whole.
fn write(path: &Path, config: &Config) -> std::io::Result<()> {
    let keys = config
        .updates
        .trusted_keys
        .iter()
        .cloned()
        .map(Value::String);
    let keys = Value::Array(keys.collect());
    let updates = Table::from_iter([("trusted_keys".to_owned(), keys)]);
    let table = Table::from_iter([("updates".to_owned(), Value::Table(updates))]);
    let text = format!("# Written by `mien-device trust`.\n{table}");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}
