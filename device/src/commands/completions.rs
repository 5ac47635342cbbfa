//! `mien-device completions` and `mien-device man`: what shells and `man` want to know.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use super::{Failure, Outcome};

/// Arguments of `mien-device completions`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device completions bash | sudo tee /usr/share/bash-completion/completions/mien-device
  mien-device completions fish > ~/.config/fish/completions/mien-device.fish")]
pub struct Args {
    /// For which shell
    shell: Shell,
}

/// Arguments of `mien-device man`.
#[derive(clap::Args)]
pub struct ManArgs {
    /// Where the pages go, one for the program and one per subcommand
    folder: PathBuf,
}

/// Prints a completion script of `program`.
pub fn run(args: Args, mut program: Command) -> Outcome {
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}

/// Writes `program`'s manual pages.
pub fn man(args: ManArgs, program: Command) -> Outcome {
    clap_mangen::generate_to(program, &args.folder)
        .with_context(|| args.folder.display().to_string())
        .map_err(Failure::Work)?;
    Ok(ExitCode::SUCCESS)
}
