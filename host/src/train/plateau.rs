//! When a plateau schedule lowers the learning rate.

use serde::{Deserialize, Serialize};

use super::recipe::Schedule;

/// What a plateau schedule remembers from epoch to epoch; a part of the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Lowest validation loss so far.
    #[serde(with = "super::exact")]
    pub lowest_loss: f64,
    /// Epochs since then or since the last reduction, whichever is later.
    pub waited_epochs: usize,
    /// How often the learning rate was reduced.
    pub reductions: u32,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            lowest_loss: f64::MAX,
            waited_epochs: 0,
            reductions: 0,
        }
    }
}

impl Plateau {
    /// After an epoch with this validation loss. Nothing changes under other schedules.
    pub fn after(self, validation_loss: f64, schedule: Schedule) -> Self {
        let Schedule::Plateau {
            patience_epochs, ..
        } = schedule
        else {
            return self;
        };
        if validation_loss < self.lowest_loss {
            return Self {
                lowest_loss: validation_loss,
                waited_epochs: 0,
                ..self
            };
        }
        if self.waited_epochs + 1 < patience_epochs {
            return Self {
                waited_epochs: self.waited_epochs + 1,
                ..self
            };
        }
        Self {
            waited_epochs: 0,
            reductions: self.reductions.saturating_add(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule::Plateau {
        learning_rate: 0.1,
        warmup_epochs: 0.0,
        factor: 0.5,
        patience_epochs: 2,
        min_learning_rate: 0.03,
    };

    fn rates(losses: &[f64]) -> Vec<f64> {
        let mut plateau = Plateau::default();
        let rates = losses.iter().enumerate().map(|(epoch, loss)| {
            plateau = plateau.after(*loss, SCHEDULE);
            SCHEDULE.learning_rate(epoch as f64, 100.0, plateau.reductions)
        });
        rates.collect()
    }

    #[test]
    fn the_rate_halves_after_every_two_epochs_without_a_lower_loss() {
        assert_eq!(
            rates(&[1.0, 1.1, 0.9, 0.9, 0.95, 0.89, 0.89]),
            [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05]
        );
    }

    #[test]
    fn it_stops_at_the_lowest_rate_and_waits_anew_after_a_reduction() {
        assert_eq!(
            rates(&[1.0, 1.0, 1.0, 1.0, 1.0, f64::NAN, f64::NAN]),
            [0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03]
        );
    }

    #[test]
    fn other_schedules_leave_it_alone() {
        let constant = Schedule::Constant { learning_rate: 0.1 };
        let plateau = Plateau::default();
        assert_eq!(plateau.after(1.0, constant), plateau);
    }
}
