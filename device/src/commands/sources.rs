//! `mien-device sources`: what frames can come from.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstyle::Style;
use mien_device::capture::listing::{self, Camera, Program};
use serde::Serialize;

use super::{Outcome, print_json};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// Formats that are printed for a camera; `--json` has all.
const MAX_FORMATS: usize = 12;

/// Arguments of `mien-device sources`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien-device sources
  mien-device sources --json")]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    cameras: Vec<Camera>,
    programs: Vec<Program>,
}

/// Runs the command.
pub fn run(args: Args) -> Outcome {
    let report = Report {
        cameras: listing::cameras(Path::new(listing::SYS)),
        programs: listing::programs(),
    };
    let mut stdout = anstream::stdout().lock();
    if args.json {
        print_json(&mut stdout, &report)?;
    } else {
        print(&mut stdout, &report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(to: &mut impl Write, report: &Report) -> io::Result<()> {
    if report.cameras.is_empty() {
        writeln!(
            to,
            "no camera (hint: is it plugged in? `lsusb` lists USB devices)"
        )?;
    }
    for camera in &report.cameras {
        writeln!(to, "{BOLD}{}{BOLD:#}  {}", camera.source, camera.name)?;
        if let Some(error) = &camera.error {
            writeln!(to, "  {error}")?;
        }
        for offer in camera.formats.iter().take(MAX_FORMATS) {
            let (format, rate) = (offer.format.to_string(), offer.frames_per_s);
            writeln!(
                to,
                "  {format:<6}{:>5} x {:<5}{rate:>4}/s",
                offer.width, offer.height
            )?;
        }
        if let Some(more @ 1..) = camera.formats.len().checked_sub(MAX_FORMATS) {
            writeln!(to, "  {DIM}and {more} more (--json){DIM:#}")?;
        }
    }
    for program in &report.programs {
        let Program {
            source,
            gives,
            program,
            path,
        } = program;
        let found = match path {
            Some(path) => path.display().to_string(),
            None => format!("{program} is not installed"),
        };
        writeln!(to, "{BOLD}{source}{BOLD:#}  {gives}: {found}")?;
    }
    writeln!(
        to,
        "{BOLD}demo{BOLD:#}  a virtual camera over bundled portraits"
    )
}
