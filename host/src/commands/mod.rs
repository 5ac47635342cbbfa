//! One file per subcommand: arguments, the call into the library, the output.

pub mod adapt;
pub mod baseline;
pub mod compare;
pub mod data;
pub mod data_args;
pub mod evaluate;
pub mod flash;
pub mod import;
pub mod inspect;
pub mod keygen;
pub mod passphrase;
pub mod quantize;
pub mod replay;
pub mod sign;
pub mod source;
pub mod ssh_args;
pub mod table;
pub mod teach;
pub mod train;
mod train_view;
pub mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

/// The exit code for a command's result; an error is printed with its causes and, where the
/// command gave one, a hint.
pub fn exit_code(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a command's result to stdout.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// `mien … | head` has seen enough: not an error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
