//! Where a signing key's passphrase comes from.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use console::Term;
use mien_host::signing::Passphrase;

/// The variable that may hold it.
const VARIABLE: &str = "MIEN_PASSPHRASE";

/// How the passphrase is given.
#[derive(clap::Args)]
pub struct PassphraseArgs {
    /// File whose first line is the key's passphrase [default: MIEN_PASSPHRASE, else it is asked
    /// for on the terminal].
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// For a new key: none if none is given, or if nothing is typed.
    pub fn choose(&self) -> anyhow::Result<Option<Passphrase>> {
        if let Some(given) = self.given()? {
            ensure!(!given.is_empty(), "the passphrase is empty");
            return Ok(Some(given));
        }
        let terminal = Term::stderr();
        if !terminal.is_term() {
            return Ok(None);
        }
        let first = ask(&terminal, "Passphrase of the new key (empty for none): ")?;
        if first.is_empty() {
            return Ok(None);
        }
        if ask(&terminal, "Once more: ")? != first {
            bail!("the two differ; nothing was written");
        }
        Ok(Some(first))
    }

    /// For a key that is encrypted; `None` where nobody can be asked.
    pub fn unlock(&self) -> anyhow::Result<Option<Passphrase>> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        let terminal = Term::stderr();
        if !terminal.is_term() {
            return Ok(None);
        }
        ask(&terminal, "Passphrase of the key: ").map(Some)
    }

    fn given(&self) -> anyhow::Result<Option<Passphrase>> {
        if let Some(path) = &self.passphrase_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("--passphrase-file {}", path.display()))?;
            let text = Passphrase::new(text);
            let line = text.lines().next().unwrap_or_default();
            return Ok(Some(Passphrase::new(line.to_owned())));
        }
        Ok(std::env::var(VARIABLE).ok().map(Passphrase::new))
    }
}

fn ask(terminal: &Term, question: &str) -> anyhow::Result<Passphrase> {
    terminal.write_str(question)?;
    Ok(Passphrase::new(terminal.read_secure_line()?))
}
