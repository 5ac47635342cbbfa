//! `mien keygen`: a key to sign models with.

use std::path::PathBuf;
use std::process::ExitCode;

use mien_host::signing;

use crate::commands;
use crate::commands::passphrase::PassphraseArgs;

/// Arguments of `mien keygen`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien keygen --out my.key                        writes my.key and my.key.pub
  mien keygen --out my.key --passphrase-file secret.txt")]
pub struct Args {
    /// Where the private key goes; the public key goes to KEY.pub.
    #[arg(long, value_name = "KEY")]
    out: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Makes the pair and says how a device comes to trust it.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
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
         {}: public key {}\n\
         a device trusts it by its configuration:\n\n\
         [updates]\n\
         trusted_keys = [\"{public}\"]\n",
        public_path.display(),
        public.id(),
    ))?;
    Ok(ExitCode::SUCCESS)
}
