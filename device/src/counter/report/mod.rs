//! Counts as one page with plots and tables, with everything in it: nothing is fetched.

mod bars;
mod page;

use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::history::{self, Bucket, History, Step, Sums};
use super::store::{Reader, Span, StoreError};

/// Days of the longest plot.
const MONTH_DAYS: i64 = 31;

/// What the page tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// Names of the expressions.
    pub expressions: Vec<String>,
    /// All of it.
    pub total: Bucket,
    /// First and last day with something counted, if there is one.
    pub days: Option<[Date; 2]>,
    /// The last day's hours.
    pub hours: Vec<Bucket>,
    /// The days to the last one, at most a month; the last seven are the week.
    pub month: Vec<Bucket>,
    /// When it was made.
    pub made: Zoned,
}

/// Reads what the page tells of `span`; without an end it ends `now`.
///
/// # Errors
/// If the database cannot be read.
pub fn read(
    database: &Path,
    span: Span,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Report, StoreError> {
    let reader = Reader::open(database)?;
    let all = history::read(&reader, span, Step::Day, zone)?;
    let made = now.to_zoned(zone.clone());
    // The last moment of the range: its end itself is outside.
    let last = span.to.and_then(|to| to.checked_sub(1.milliseconds()).ok());
    let last = last.unwrap_or(now).to_zoned(zone.clone());
    let today = last.date();
    let from = today.checked_sub((MONTH_DAYS - 1).days()).unwrap_or(today);
    let begin = span.from.map(|from| from.to_zoned(zone.clone()).date());
    let from = begin.map_or(from, |begin| begin.clamp(from, today));
    let days = from.series(1.day()).take_while(|&day| day <= today);
    let days = days.filter_map(|day| day.to_zoned(zone.clone()).ok());
    let day = Span {
        from: last.start_of_day().ok().map(|start| start.timestamp()),
        to: last
            .tomorrow()
            .ok()
            .and_then(|next| next.start_of_day().ok())
            .map(|s| s.timestamp()),
    };
    let hours = history::read(&reader, cut(day, span), Step::Hour, zone)?;
    let known = || {
        all.buckets
            .iter()
            .filter_map(|bucket| bucket.start.as_ref())
    };
    Ok(Report {
        total: total(&all),
        days: known()
            .next()
            .zip(known().next_back())
            .map(|(a, b)| [a.date(), b.date()]),
        hours: fill(&hours, all_hours(day, zone)),
        month: fill(&all, days),
        expressions: all.expressions,
        made,
    })
}

/// The page.
///
/// # Errors
/// If the database cannot be read.
pub fn html(
    database: &Path,
    span: Span,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<String, StoreError> {
    Ok(page::page(&read(database, span, now, zone)?))
}

/// What both have.
fn cut(a: Span, b: Span) -> Span {
    Span {
        from: a.from.max(b.from),
        to: match (a.to, b.to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
    }
}

fn total(history: &History) -> Bucket {
    let mut total = empty(history.expressions.len());
    history
        .buckets
        .iter()
        .for_each(|bucket| total.merge(bucket));
    total
}

fn empty(expressions: usize) -> Bucket {
    Bucket {
        expressions: vec![Sums::default(); expressions],
        ..Bucket::default()
    }
}

fn all_hours(day: Span, zone: &TimeZone) -> impl Iterator<Item = Zoned> {
    let (from, to) = (day.from.unwrap_or_default(), day.to.unwrap_or_default());
    let hours = std::iter::successors(Some(from), |hour| hour.checked_add(1.hour()).ok());
    hours
        .take_while(move |hour| *hour < to)
        .map(|hour| hour.to_zoned(zone.clone()))
}

/// A bucket for each of `starts`, empty where nothing was counted.
fn fill(history: &History, starts: impl Iterator<Item = Zoned>) -> Vec<Bucket> {
    let at = |start: &Zoned| {
        let found = history
            .buckets
            .iter()
            .find(|bucket| bucket.start.as_ref() == Some(start));
        found.cloned()
    };
    starts
        .map(|start| {
            at(&start).unwrap_or_else(|| Bucket {
                start: Some(start),
                ..empty(history.expressions.len())
            })
        })
        .collect()
}
