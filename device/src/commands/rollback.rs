//! `mien-device rollback`: the model before.

use mien_device::update::protocol::{Reply, Request, RolledBack};
use mien_device::update::record::Role;

use super::Outcome;
use super::control::{self, Place};
use super::open::ConfigArgs;

/// Arguments of `mien-device rollback`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device rollback                            undoes the last install
  mien-device rollback --role detector")]
pub struct Args {
    /// Only this one, whatever was installed last
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArg>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What a model is for.
#[derive(Clone, Copy, clap::ValueEnum)]
enum RoleArg {
    /// Judging expressions
    Expression,
    /// Finding faces
    Detector,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let role = args.role.map(|role| match role {
        RoleArg::Expression => Role::Expression,
        RoleArg::Detector => Role::Detector,
    });
    let place = Place::find()?;
    let done = match place.ask(&Request::RollBack { role }, &[])? {
        Some(reply) => control::expect(reply, |reply| match reply {
            Reply::RolledBack(rolled_back) => Some(rolled_back),
            _ => None,
        })?,
        None => place.work(&args.config.load()?, |installer| {
            let roles = installer.roll_back(role)?;
            Ok(RolledBack { roles, live: false })
        })?,
    };
    control::answer(done, args.json, |rolled_back| {
        let when = match rolled_back.live {
            true => "runs again",
            false => "runs from the next start on",
        };
        let line = |role: &Role| format!("{role}: the model before {when}\n");
        rolled_back.roles.iter().map(line).collect()
    })
}
