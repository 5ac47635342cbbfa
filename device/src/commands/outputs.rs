//! Opening the outputs that `--output` and the configuration name.

use std::ffi::OsString;

use anyhow::anyhow;
use mien_device::board::Board;
use mien_device::config::{Config, OutputName};
use mien_device::counter::today::Today;
use mien_device::output::Output;
use mien_device::output::display::Display;
use mien_device::output::exec::Exec;
use mien_device::output::led::Leds;
use mien_device::output::rgb::RgbLight;
use mien_models::label::Labels;

/// Which outputs.
#[derive(clap::Args)]
pub struct OutputArgs {
    /// Where results go, several with commas: `terminal`, `led` (a light per expression), `rgb` (a
    /// coloured light or strip), `display` (a small OLED), `exec` (a program) [default: the
    /// configuration's, else terminal]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    output: Vec<OutputName>,
}

impl OutputArgs {
    /// The same choice for another command's line.
    pub fn arguments(&self) -> Vec<OsString> {
        let names = self.output.iter();
        names
            .flat_map(|name| ["--output".into(), name.name().into()])
            .collect()
    }

    /// What was given, or else what is configured, each once.
    pub fn names(&self, config: &Config) -> Vec<OutputName> {
        let given = if self.output.is_empty() {
            &config.outputs
        } else {
            &self.output
        };
        let mut names = Vec::new();
        for &name in given {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Opens an output other than the terminal. `today` are the counter's counts, where it runs.
pub fn open(
    name: OutputName,
    board: &dyn Board,
    config: &Config,
    labels: &Labels,
    today: Option<&Today>,
) -> anyhow::Result<Box<dyn Output>> {
    Ok(match name {
        OutputName::Terminal => return Err(anyhow!("the terminal is opened by `run`")),
        OutputName::Led => Box::new(Leds::new(board, &config.led, labels)?),
        OutputName::Rgb => Box::new(RgbLight::new(board, &config.rgb, labels)?),
        OutputName::Display => {
            Box::new(Display::new(board, &config.display, labels)?.with_today(today.cloned()))
        }
        OutputName::Exec => Box::new(Exec::new(&config.exec, labels)?),
    })
}
