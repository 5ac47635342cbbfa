//! Times as people write them: `2026-11-23`, `2026-11-23T08:00`, `2026-11-23T08:00:00+01:00`.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Which end of a range a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The begin.
    From,
    /// The end: a day counts to its last moment, a time itself no more.
    To,
}

/// Reads a time. Without an offset it is one of `zone`.
///
/// # Errors
/// One line that says how times are written.
pub fn parse(text: &str, end: End, zone: &TimeZone) -> Result<Timestamp, String> {
    let wrong = |error: jiff::Error| {
        format!(
            "`{text}` is no time ({error}); write 2026-11-23 or 2026-11-23T08:00, with +01:00 for another zone's"
        )
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local = if text.len() > 10 {
        text.parse::<DateTime>().map_err(wrong)?
    } else {
        let day: Date = text.parse().map_err(wrong)?;
        let day = match end {
            End::From => day,
            End::To => day.checked_add(1.day()).map_err(wrong)?,
        };
        day.at(0, 0, 0, 0)
    };
    let moment = local.to_zoned(zone.clone()).map_err(wrong)?;
    Ok(moment.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_offsets() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let read = |text, end| parse(text, end, &berlin).unwrap().to_string();
        assert_eq!(read("2026-11-23", End::From), "2026-11-22T23:00:00Z");
        assert_eq!(read("2026-11-23", End::To), "2026-11-23T23:00:00Z");
        // A day of 23 hours.
        assert_eq!(read("2026-03-29", End::From), "2026-03-28T23:00:00Z");
        assert_eq!(read("2026-03-29", End::To), "2026-03-29T22:00:00Z");
        for end in [End::From, End::To] {
            assert_eq!(read("2026-11-23T08:30", end), "2026-11-23T07:30:00Z");
            assert_eq!(read("2026-11-23 08:30:05", end), "2026-11-23T07:30:05Z");
            assert_eq!(
                read("2026-11-23T08:30:00+05:30", end),
                "2026-11-23T03:00:00Z"
            );
            assert_eq!(read("2026-11-23T08:30:00Z", end), "2026-11-23T08:30:00Z");
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "23.11.2026",
            "2026-11-23T25:00",
        ] {
            let error = parse(text, End::From, &berlin).unwrap_err();
            assert!(error.contains("2026-11-23"), "{error}");
        }
        assert!(parse("9999-12-31", End::To, &berlin).is_err());
    }
}
