//! `mien keygen`: a key to sign models with.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use mien_host::flash::{self, Job, Outcome};
use mien_host::progress::{Progress, Unit};
use mien_host::signing;
use mien_models::signature::PublicKey;

use crate::commands;
use crate::commands::passphrase::PassphraseArgs;
use crate::commands::ssh_args::SshArgs;

/// Arguments of `mien keygen`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien keygen --out my.key                        writes my.key and my.key.pub
  mien keygen --out my.key --passphrase-file secret.txt
  mien keygen --out my.key --install pi@museum.local")]
pub struct Args {
    /// Where the private key goes; the public key goes to KEY.pub.
    #[arg(long, value_name = "KEY")]
    out: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Put the public key on this device (HOST or user@HOST), which trusts none yet; needs root there, or
    /// sudo without a password. A pair that is already at --out is used, not made.
    #[arg(long, value_name = "HOST")]
    install: Option<String>,
    #[command(flatten)]
    ssh: SshArgs,
}

/// Makes the pair and says, or sees to it, how a device comes to trust it.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let public_path = signing::public_path(&args.out);
    let exists = args.out.exists() && public_path.exists();
    let public = match (&args.install, exists) {
        (Some(_), true) => signing::read_public(&public_path)?,
        _ => make(&args)?,
    };
    let Some(host) = &args.install else {
        commands::print(&format!(
            "a device trusts it by its configuration:\n\n\
             [updates]\n\
             trusted_keys = [\"{public}\"]\n",
        ))?;
        return Ok(ExitCode::SUCCESS);
    };
    let task = Progress::Silent.start("trust", 0, Unit::Bytes);
    let (ssh, program) = (args.ssh.ssh(), args.ssh.program());
    match flash::run(&ssh, host, program, Job::Trust(&public), &task) {
        Outcome::Failed(refusal) => bail!(
            "{host} does not trust the key: {} (the pair stays at {}; the same command tries again)",
            refusal.message,
            args.out.display()
        ),
        _ => commands::print(&format!("{host} trusts key {}\n", public.id()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make(args: &Args) -> anyhow::Result<PublicKey> {
    let passphrase = args.passphrase.choose()?;
    let public = signing::generate(&args.out, passphrase.as_ref())?;
    let lock = match passphrase {
        Some(_) => "encrypted",
        None => "not encrypted",
    };
    let private = args.out.display();
    let public_path = signing::public_path(&args.out);
    commands::print(&format!(
        "{private}: private key, {lock}; keep it, and keep it to yourself\n\
         {}: public key {}\n",
        public_path.display(),
        public.id(),
    ))?;
    Ok(public)
}
