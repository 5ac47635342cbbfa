//! Reports for people: one line a face.

use std::io::{self, Write};

use anstyle::Style;
use mien_device::output::palette::{Depth, label_style};
use mien_device::report::{Face, FileReport};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAR_COLUMNS: usize = 20;

/// Writes a block a file and a summary at the end.
#[derive(Default)]
pub struct Table {
    files: usize,
    faces: usize,
    failed: usize,
}

impl Table {
    /// One file.
    pub fn print(&mut self, to: &mut impl Write, report: &FileReport) -> io::Result<()> {
        self.files += 1;
        match report {
            FileReport::Failed { path, error } => {
                self.failed += 1;
                let style = anstyle::AnsiColor::Red.on_default();
                writeln!(to, "{BOLD}{path}{BOLD:#}")?;
                writeln!(to, "  {style}{}{style:#}: {}", error.kind, error.message)
            }
            FileReport::Read(file) => {
                self.faces += file.faces.len();
                let timing = file.timing_ms;
                let classify = timing
                    .classify
                    .map_or_else(String::new, |ms| format!(", classify {ms:.1} ms"));
                writeln!(
                    to,
                    "{BOLD}{}{BOLD:#}  {DIM}{} x {}, decode {:.1} ms, detect {:.1} ms{classify}{DIM:#}",
                    file.path, file.width, file.height, timing.decode, timing.detect,
                )?;
                if file.faces.is_empty() {
                    writeln!(to, "  no face")?;
                }
                file.faces.iter().try_for_each(|face| print_face(to, face))
            }
        }
    }

    /// The summary.
    pub fn finish(&self, to: &mut impl Write) -> io::Result<()> {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} could not be read"),
        };
        let (files, faces) = (count(self.files, "file"), count(self.faces, "face"));
        writeln!(to, "{DIM}{files}, {faces}{failed}{DIM:#}")
    }
}

fn print_face(to: &mut impl Write, face: &Face) -> io::Result<()> {
    if let Some(judgement) = &face.judgement {
        let label = judgement.name();
        let columns = judgement
            .probabilities
            .iter()
            .map(|(name, _)| name.chars().count())
            .max();
        let columns = columns.unwrap_or(0);
        let probability = judgement.probability();
        let style = label_style(label, Depth::from_environment());
        let full = (probability * BAR_COLUMNS as f32).round() as usize;
        let bar = "█".repeat(full.min(BAR_COLUMNS));
        let percent = 100.0 * probability;
        write!(
            to,
            "  {style}{label:<columns$}{style:#}  {percent:>3.0} %  {style}{bar:<BAR_COLUMNS$}{style:#}"
        )?;
    }
    let place = &face.face_box;
    writeln!(
        to,
        "  {:>5.0} x {:<5.0} at {:>5.0},{:<5.0}  {} score {}",
        place.width, place.height, place.x, place.y, face.detector, face.score,
    )
}
