//! Today's visits: those in the database and those on their way.

use std::collections::BTreeSet;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::clock::BootTime;
use super::history::{self, Step};
use super::visit::Visit;

/// Today's visits that are in the database.
#[derive(Default)]
pub struct Tally {
    /// The day's begin and the next one's, Unix milliseconds.
    pub day_ms: [i64; 2],
    /// Visits by the expression shown longest.
    pub written: Vec<(Option<String>, u64)>,
    /// What was written last, which may come again: who is still here.
    pub last: BTreeSet<u64>,
}

impl Tally {
    /// Today's visits with those that wait to be written: all, and per label.
    pub fn count<'v>(
        &self,
        pending: impl Iterator<Item = &'v Visit>,
        labels: &[String],
        time: &BootTime,
    ) -> (u64, Vec<u64>) {
        let mut visits = 0;
        let mut expressions = vec![0; labels.len()];
        for (name, count) in &self.written {
            visits += count;
            let index = labels.iter().position(|label| Some(label) == name.as_ref());
            if let Some(index) = index {
                expressions[index] += count;
            }
        }
        let fresh = pending.filter(|visit| {
            let end_ms = time.wall_ms(visit.sequence) + visit.duration_ms as i64;
            end_ms >= self.day_ms[0] && !self.last.contains(&visit.sequence)
        });
        for visit in fresh {
            visits += 1;
            // By name: it may have been judged by a model with other labels.
            let name = visit.expression_name();
            let index = labels.iter().position(|label| Some(label.as_str()) == name);
            if let Some(index) = index {
                expressions[index] += 1;
            }
        }
        (visits, expressions)
    }
}

/// Begin of today and of tomorrow, Unix milliseconds.
pub fn day(time: &BootTime, now_us: u64, zone: &TimeZone) -> [i64; 2] {
    let now_ms = time.wall_ms(now_us);
    let begin = history::begin(now_ms, Step::Day, zone);
    let end = begin.as_ref().and_then(|begin| begin.tomorrow().ok());
    let ms = |moment: Option<Zoned>| moment.map(|moment| moment.timestamp().as_millisecond());
    [
        ms(begin).unwrap_or(now_ms),
        ms(end).unwrap_or(i64::MAX / 2000),
    ]
}
