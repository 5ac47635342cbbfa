//! Counts by the hour and by the day, in local time.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::store::{KeptVisit, Period, Reader, Span, StoreError};

/// Length of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A local hour.
    Hour,
    /// A local day, which may have 23 or 25 hours.
    Day,
}

/// What happened in an hour or a day. A visit belongs wholly to the one in which it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Its begin; `None`: the time never became known.
    pub start: Option<Zoned>,
    /// Time the counter ran, milliseconds.
    pub up_ms: u64,
    /// Frames judged.
    pub frames: u64,
    /// Those without a face.
    pub frames_without_face: u64,
    /// How often the camera was lost.
    pub camera_losses: u64,
    /// Visits.
    pub visits: u64,
    /// Visits in which no expression was shown.
    pub uncertain_visits: u64,
    /// Sum of the visits' durations, milliseconds.
    pub duration_ms: u64,
    /// Time of uncertain expressions, milliseconds.
    pub uncertain_ms: u64,
    /// Time out of sight, milliseconds.
    pub unseen_ms: u64,
    /// Sum of probability times milliseconds, over the time an expression was shown.
    pub certainty_ms: f64,
    /// Per expression, in the history's order.
    pub expressions: Vec<Sums>,
}

/// Of one expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Visits that showed it longest.
    pub visits: u64,
    /// Visits that showed it at all.
    pub showing: u64,
    /// Time it was shown, milliseconds.
    pub shown_ms: u64,
}

impl Bucket {
    /// Mean probability, 0..=1, of the expressions while they were shown.
    pub fn confidence(&self) -> Option<f64> {
        let shown_ms: u64 = self.expressions.iter().map(|sums| sums.shown_ms).sum();
        (shown_ms > 0).then(|| self.certainty_ms / shown_ms as f64)
    }

    /// Adds a visit.
    pub fn add_visit(&mut self, visit: &KeptVisit) {
        self.visits += 1;
        self.uncertain_visits += u64::from(visit.expression.is_none());
        self.duration_ms += visit.duration_ms;
        self.uncertain_ms += visit.uncertain_ms;
        self.unseen_ms += visit.unseen_ms;
        let shown_ms: u64 = visit.shown_ms.iter().sum();
        self.certainty_ms += visit.confidence.unwrap_or(0.0) * shown_ms as f64;
        let entries = self.expressions.iter_mut().zip(&visit.shown_ms);
        for (index, (sums, &shown_ms)) in entries.enumerate() {
            sums.visits += u64::from(visit.expression == Some(index));
            sums.showing += u64::from(shown_ms > 0);
            sums.shown_ms += shown_ms;
        }
    }

    /// Adds another one's sums.
    pub fn merge(&mut self, other: &Self) {
        self.up_ms += other.up_ms;
        self.frames += other.frames;
        self.frames_without_face += other.frames_without_face;
        self.camera_losses += other.camera_losses;
        self.visits += other.visits;
        self.uncertain_visits += other.uncertain_visits;
        self.duration_ms += other.duration_ms;
        self.uncertain_ms += other.uncertain_ms;
        self.unseen_ms += other.unseen_ms;
        self.certainty_ms += other.certainty_ms;
        for (sums, more) in self.expressions.iter_mut().zip(&other.expressions) {
            sums.visits += more.visits;
            sums.showing += more.showing;
            sums.shown_ms += more.shown_ms;
        }
    }

    /// Adds a period.
    pub fn add_period(&mut self, period: &Period) {
        self.up_ms += period.up_ms;
        self.frames += period.frames;
        self.frames_without_face += period.frames_without_face;
        self.camera_losses += period.camera_losses;
    }
}

/// Counts over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Names of the expressions.
    pub expressions: Vec<String>,
    /// In the order of time, only those in which something was counted; what has no known time
    /// comes last.
    pub buckets: Vec<Bucket>,
}

/// Reads what began in `span`, in steps of `zone`'s time.
///
/// # Errors
/// If the database cannot be read.
pub fn read(
    reader: &Reader,
    span: Span,
    step: Step,
    zone: &TimeZone,
) -> Result<History, StoreError> {
    let expressions: Vec<_> = reader.expressions().map(str::to_owned).collect();
    let mut buckets = Buckets {
        by_start: BTreeMap::new(),
        step,
        zone,
        expressions: expressions.len(),
    };
    reader.visits(span, |visit| {
        buckets.at(visit.start_ms).add_visit(&visit);
        Ok::<_, StoreError>(())
    })?;
    reader.periods(span, |start_ms, period| {
        buckets.at(start_ms).add_period(&period);
        Ok::<_, StoreError>(())
    })?;
    reader.hours(span, |start_ms, hour| {
        buckets.at(start_ms).merge(&hour);
        Ok::<_, StoreError>(())
    })?;
    let mut buckets = buckets.by_start;
    let unknown = buckets.remove(&None);
    Ok(History {
        expressions,
        buckets: buckets.into_values().chain(unknown).collect(),
    })
}

struct Buckets<'z> {
    by_start: BTreeMap<Option<Timestamp>, Bucket>,
    step: Step,
    zone: &'z TimeZone,
    expressions: usize,
}

impl Buckets<'_> {
    fn at(&mut self, start_ms: Option<i64>) -> &mut Bucket {
        let start = start_ms.and_then(|start_ms| begin(start_ms, self.step, self.zone));
        let key = start.as_ref().map(Zoned::timestamp);
        self.by_start.entry(key).or_insert_with(|| Bucket {
            start,
            expressions: vec![Sums::default(); self.expressions],
            ..Bucket::default()
        })
    }
}

/// Begin of the hour or day that a moment is in; `None` for one that no calendar has.
pub fn begin(moment_ms: i64, step: Step, zone: &TimeZone) -> Option<Zoned> {
    let moment = Timestamp::from_millisecond(moment_ms).ok()?;
    let local = moment.to_zoned(zone.clone());
    match step {
        Step::Day => local.start_of_day().ok(),
        // By the clock on the wall, which the hour that comes twice shows twice.
        Step::Hour => {
            let time = local.time();
            let past =
                SignedDuration::from_secs(i64::from(time.minute()) * 60 + i64::from(time.second()))
                    + SignedDuration::from_nanos(time.subsec_nanosecond().into());
            local.checked_sub(past).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_are_local() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let begin = |text, step, zone: &TimeZone| {
            let start = begin(ms(text), step, zone).unwrap();
            start.strftime("%Y-%m-%dT%H:%M%:z").to_string()
        };
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let india = TimeZone::posix("IST-5:30").unwrap();
        let noon = "2026-11-23T11:59:59.999Z";
        assert_eq!(begin(noon, Step::Hour, &berlin), "2026-11-23T12:00+01:00");
        assert_eq!(begin(noon, Step::Hour, &india), "2026-11-23T17:00+05:30");
        assert_eq!(begin(noon, Step::Day, &india), "2026-11-23T00:00+05:30");
        // 2:30 comes twice in this night.
        for (moment, start) in [
            ("2026-10-25T00:30:00Z", "2026-10-25T02:00+02:00"),
            ("2026-10-25T01:30:00Z", "2026-10-25T02:00+01:00"),
        ] {
            assert_eq!(begin(moment, Step::Hour, &berlin), start);
            assert_eq!(begin(moment, Step::Day, &berlin), "2026-10-25T00:00+02:00");
        }
        assert_eq!(super::begin(i64::MAX, Step::Day, &berlin), None);
    }
}
