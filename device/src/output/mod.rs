//! What shows a run's results: terminal, lights, display, programs, files.

pub mod display;
pub mod events;
pub mod exec;
mod fade;
pub mod guarded;
pub mod led;
pub mod light;
pub mod palette;
pub mod record;
pub mod rgb;
mod shown;
pub mod terminal;

use std::io;

use crate::capture::Loss;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// Shows judged frames. An error ends the run.
pub trait Output {
    /// Shows one frame; called in order.
    fn show(&mut self, judged: &Judged) -> io::Result<()>;

    /// The camera is gone: what was shown last no longer holds. Called for each failed attempt to
    /// get it back.
    fn lost(&mut self, _loss: &Loss) -> io::Result<()> {
        Ok(())
    }

    /// Other models are at work from the next frame on: label indices have other names, or boxes
    /// come from another detector. Outputs that name neither need not care.
    fn switch(&mut self, _models: &Models) -> io::Result<()> {
        Ok(())
    }

    /// The run is over.
    fn finish(&mut self, totals: &Totals) -> io::Result<()>;
}
