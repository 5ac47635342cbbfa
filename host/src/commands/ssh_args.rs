//! How devices are reached.

use std::path::PathBuf;

use mien_host::flash::Ssh;

/// Options of commands that use ssh.
#[derive(clap::Args)]
pub struct SshArgs {
    /// ssh configuration file, instead of the user's.
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    ssh_config: Option<PathBuf>,
    /// Option for ssh, as after its -o; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Connection")]
    ssh_option: Vec<String>,
    /// The device's program there.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "mien-device",
        help_heading = "Connection"
    )]
    device_program: String,
}

impl SshArgs {
    /// How ssh is called.
    pub fn ssh(&self) -> Ssh {
        Ssh {
            config: self.ssh_config.clone(),
            options: self.ssh_option.clone(),
        }
    }

    /// The device's program.
    pub fn program(&self) -> &str {
        &self.device_program
    }
}
