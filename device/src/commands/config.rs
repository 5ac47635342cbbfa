//! `mien-device config`: what the configuration is, and whether it is right.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use mien_device::config::Config;
use toml::{Table, Value};

use super::open::ConfigArgs;
use super::{Failure, Outcome};

/// Arguments of `mien-device config`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device config check --config new.toml && sudo cp new.toml /etc/mien/config.toml
  mien-device config show                         what counts, and where it was said
  mien-device config default > config.toml")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Read the configuration; exit code 2 if it is wrong
    Check(ConfigArgs),
    /// Print what counts, with the file or variable behind each key that was set
    Show(ConfigArgs),
    /// Print all keys with their defaults and what they mean
    Default,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let mut stdout = io::stdout().lock();
    match args.what {
        What::Check(config) => {
            let loaded = config.load_with_origins()?;
            let keys = loaded.origins.len();
            writeln!(stdout, "the configuration is fine ({keys} keys set)")?;
        }
        What::Show(config) => {
            let loaded = config.load_with_origins()?;
            let table =
                Table::try_from(&loaded.config).map_err(|error| Failure::Work(anyhow!(error)))?;
            let origin = |key: &str| loaded.origins.get(key).map(String::as_str);
            print(&mut stdout, &table, "", &origin)?;
        }
        What::Default => write!(stdout, "{}", Config::DEFAULT_TOML)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a table: its own values first, then the tables in it.
fn print<'a>(
    to: &mut impl Write,
    table: &Table,
    path: &str,
    origin: &impl Fn(&str) -> Option<&'a str>,
) -> io::Result<()> {
    for (key, value) in table.iter().filter(|(_, value)| !value.is_table()) {
        match origin(&format!("{path}{key}")) {
            Some(place) => writeln!(to, "{:<40}# {place}", format!("{key} = {value}"))?,
            None => writeln!(to, "{key} = {value}")?,
        }
    }
    for (key, value) in table {
        if let Value::Table(inner) = value {
            writeln!(to, "\n[{path}{key}]")?;
            print(to, inner, &format!("{path}{key}."), origin)?;
        }
    }
    Ok(())
}
