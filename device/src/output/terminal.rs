//! The terminal as output: a panel that is drawn over itself, with one simulated LED and one
//! coloured bar per expression; or, where there is no terminal to draw on, a line a second.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anstyle::Style;
use mien_models::label::Labels;
use mien_models::label::appearance;

use super::Output;
use super::palette::{Depth, label_style};
use crate::capture::Loss;
use crate::pipeline::exchange::Models;
use crate::pipeline::shedding::LEVELS;
use crate::pipeline::stages::{Judged, JudgedFace};
use crate::pipeline::totals::Totals;
use crate::report::UNCERTAIN;

/// Least time between two drawings of the panel.
const REDRAW_PERIOD: Duration = Duration::from_millis(50);
/// Source time between two plain lines.
const LINE_PERIOD_MS: u64 = 1000;
/// Columns of a full bar.
const BAR_COLUMNS: usize = 36;

/// DECAWM, off and on again.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A panel drawn over itself.
    Panel(Depth),
    /// Lines without colours.
    Lines,
}

/// Writes results for people and, last, the totals as one line of JSON.
pub struct Terminal<W: Write> {
    to: W,
    look: Look,
    title: String,
    labels: Labels,
    name_columns: usize,
    frames: Option<u64>,
    panel_lines: usize,
    last_draw: Option<Instant>,
    next_line_ms: u64,
    rate: FrameRate,
}

impl<W: Write> Terminal<W> {
    /// Writes to `to`. `title` names source and model, `frames` is the length of the run if it
    /// has one.
    pub fn new(to: W, look: Look, title: &str, labels: &Labels, frames: Option<u64>) -> Self {
        Self {
            to,
            look,
            title: title.to_owned(),
            labels: labels.clone(),
            name_columns: columns_of(labels),
            frames,
            panel_lines: 0,
            last_draw: None,
            next_line_ms: 0,
            rate: FrameRate::default(),
        }
    }

    fn draw(&mut self, judged: &Judged, depth: Depth) -> io::Result<()> {
        let face = judged.faces.first();
        let mut lines = vec![self.head(judged), String::new()];
        for (index, label) in self.labels.iter().enumerate() {
            let is_on = face.is_some_and(|face| face.shown.label_index == Some(index));
            let probability = face
                .and_then(|face| face.shown.probabilities.get(index))
                .map_or(0.0, |probability| *probability);
            let style = label_style(label, depth);
            lines.push(row(label, self.name_columns, probability, is_on, style));
        }
        lines.push(String::new());
        lines.push(self.foot(judged, depth));

        // One write, so that no half-drawn panel is ever seen; without line wrapping, so that a
        // narrow terminal cuts lines off and the panel keeps its height.
        let mut text = String::from(WRAP_OFF);
        if self.panel_lines > 0 {
            text += &format!("\r\x1b[{}A", self.panel_lines);
        }
        for line in &lines {
            text += line;
            text += "\x1b[K\n";
        }
        text += WRAP_ON;
        self.panel_lines = lines.len();
        self.to.write_all(text.as_bytes())?;
        self.to.flush()
    }

    fn head(&self, judged: &Judged) -> String {
        let number = judged.frame.sequence + 1;
        let frame = match self.frames {
            Some(frames) => format!("frame {number} of {frames}"),
            None => format!("frame {number}"),
        };
        let rate = self
            .rate
            .per_s()
            .map_or(String::new(), |rate| format!("  {rate:.0}/s"));
        let shed = match judged.shed_level {
            0 => String::new(),
            level => format!("  doing less: {level} of {}", LEVELS.len() - 1),
        };
        format!(
            " {BOLD}Mien{BOLD:#}  {DIM}{frame}{rate}{shed}  {}{DIM:#}",
            self.title
        )
    }

    fn foot(&self, judged: &Judged, depth: Depth) -> String {
        let Some((face, others)) = judged.faces.split_first() else {
            return format!(" {DIM}no face{DIM:#}");
        };
        let label = shown_name(&self.labels, face);
        let style = label_style(label, depth).bold();
        let glyph = match face.shown.label_index {
            Some(_) => appearance(label).icon.glyph(),
            None => "?",
        };
        let id = face.track_id;
        let mut foot = format!(" {style}{glyph:<3}  {label}{style:#}  {DIM}#{id}{DIM:#}");
        if !others.is_empty() {
            let names: Vec<_> = others
                .iter()
                .map(|face| format!("{} #{}", shown_name(&self.labels, face), face.track_id))
                .collect();
            foot += &format!("  {DIM}also: {}{DIM:#}", names.join(", "));
        }
        foot
    }

    fn line(&mut self, judged: &Judged) -> io::Result<()> {
        let frame = judged.frame.sequence + 1;
        write!(self.to, "frame {frame}: ")?;
        if judged.faces.is_empty() {
            write!(self.to, "no face")?;
        }
        for (index, face) in judged.faces.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let label = shown_name(&self.labels, face);
            write!(self.to, "{separator}#{} {label}", face.track_id)?;
            let index = face.shown.label_index;
            if let Some(probability) = index.and_then(|i| face.shown.probabilities.get(i)) {
                write!(self.to, " {:.0} %", 100.0 * probability)?;
            }
        }
        writeln!(self.to)?;
        self.to.flush()
    }
}

impl<W: Write> Output for Terminal<W> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.rate.count(Instant::now());
        match self.look {
            Look::Panel(depth) => {
                let is_last = self.frames == Some(judged.frame.sequence + 1);
                let is_due = self
                    .last_draw
                    .is_none_or(|last| last.elapsed() >= REDRAW_PERIOD);
                if !is_due && !is_last {
                    return Ok(());
                }
                self.last_draw = Some(Instant::now());
                self.draw(judged, depth)
            }
            Look::Lines if judged.frame.timestamp_ms >= self.next_line_ms => {
                self.next_line_ms = judged.frame.timestamp_ms + LINE_PERIOD_MS;
                self.line(judged)
            }
            Look::Lines => Ok(()),
        }
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        // The panel stays; the next frame draws a new one below.
        if self.panel_lines > 0 {
            self.panel_lines = 0;
            writeln!(self.to)?;
        }
        writeln!(self.to, "{loss}")?;
        self.to.flush()
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        self.labels = models.labels.clone();
        self.name_columns = columns_of(&self.labels);
        // A panel of another height is drawn below the one before.
        if self.panel_lines > 0 {
            self.panel_lines = 0;
            writeln!(self.to)?;
        }
        Ok(())
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        if self.panel_lines > 0 {
            writeln!(self.to)?;
        }
        serde_json::to_writer(&mut self.to, totals)?;
        writeln!(self.to)?;
        self.to.flush()
    }
}

/// Columns of the longest name.
fn columns_of(labels: &Labels) -> usize {
    let columns = labels.iter().map(|name| name.chars().count());
    columns.max().unwrap_or(0)
}

/// The name of the expression that is shown.
fn shown_name<'a>(labels: &'a Labels, face: &JudgedFace) -> &'a str {
    let label_index = face.shown.label_index;
    label_index.map_or(UNCERTAIN, |index| labels.name(index).unwrap_or("?"))
}

/// One expression: LED, name, bar, percent.
fn row(label: &str, columns: usize, probability: f32, is_on: bool, style: Style) -> String {
    let led = if is_on {
        format!("{style}●{style:#}")
    } else {
        format!("{DIM}·{DIM:#}")
    };
    let name_style = if is_on { BOLD } else { Style::new() };
    let bar = bar(probability);
    let rest = " ".repeat(BAR_COLUMNS - bar.chars().count());
    let percent = 100.0 * probability;
    format!(
        "  {led}  {name_style}{label:<columns$}{name_style:#}  {style}{bar}{style:#}{rest} {percent:>3.0} %"
    )
}

/// A bar in eighths of a column.
fn bar(probability: f32) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (probability.clamp(0.0, 1.0) * (BAR_COLUMNS * 8) as f32).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// Frames per second over the last second or so.
#[derive(Default)]
struct FrameRate {
    previous: Option<Instant>,
    mean_s: f64,
}

impl FrameRate {
    fn count(&mut self, now: Instant) {
        if let Some(previous) = self.previous {
            let step_s = now.duration_since(previous).as_secs_f64();
            let weight = if self.mean_s == 0.0 { 1.0 } else { 0.05 };
            self.mean_s += (step_s - self.mean_s) * weight;
        }
        self.previous = Some(now);
    }

    fn per_s(&self) -> Option<f64> {
        (self.mean_s > 0.0).then(|| 1.0 / self.mean_s)
    }
}
