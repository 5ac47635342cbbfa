//! The page for people.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mien_device::counter::report::{html, read};
use mien_device::counter::store::Span;
use mien_device::counter::visit::Visit;

use super::made::{FakeClock, HOUR_US, NOW_MS, Told, commit, open, visit};

const DAY_MS: i64 = 86_400_000;

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

/// A visit more each day, for forty days, at eight in the morning (UTC).
fn fill(path: &Path) {
    let mut store = open(path);
    let ids: Vec<_> = (0..40).map(|day| format!("boot-{day}")).collect();
    for (day, boot_id) in (0..).zip(ids) {
        let clock = FakeClock::new(Told {
            boot_id: boot_id.leak(),
            boot_us: 0,
            wall_ms: NOW_MS - (39 - day) * DAY_MS,
            is_synchronized: true,
        });
        let visits: Vec<_> = (0..=day as u64)
            .map(|n| visit(n * 1_000_000, [2000, 500, 0], 100))
            .collect();
        commit(&mut store, &clock, &visits, &[]);
    }
}

#[test]
fn day_week_and_month_end_with_the_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let now = moment(NOW_MS + HOUR_US as i64 / 1000);
    let report = read(&path, Span::default(), now, &berlin()).unwrap();
    assert_eq!(report.total.visits, 40 * 41 / 2);
    assert_eq!((report.hours.len(), report.month.len()), (24, 31));
    let counts = |buckets: &[mien_device::counter::history::Bucket]| -> Vec<u64> {
        buckets.iter().map(|bucket| bucket.visits).collect()
    };
    assert_eq!(counts(&report.month), (10..=40).collect::<Vec<_>>());
    // Nine o'clock in Berlin.
    let hours = counts(&report.hours);
    assert_eq!((hours[9], hours.iter().sum::<u64>()), (40, 40));

    // A night of 25 hours, in a range that ends with it.
    let span = Span {
        from: Some("2026-10-20T00:00+02:00".parse().unwrap()),
        to: Some("2026-10-26T00:00+01:00".parse().unwrap()),
    };
    let report = read(&path, span, now, &berlin()).unwrap();
    assert_eq!((report.hours.len(), report.month.len()), (25, 6));
    assert_eq!(counts(&report.month), [6, 7, 8, 9, 10, 11]);
    assert_eq!(report.total.visits, 6 + 7 + 8 + 9 + 10 + 11);
    let days = report.days.unwrap().map(|day| day.to_string());
    assert_eq!(days, ["2026-10-20", "2026-10-25"]);
}

#[test]
fn the_page_needs_nothing_else_and_has_words_for_its_plots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let page = html(&path, Span::default(), moment(NOW_MS), &berlin()).unwrap();
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("url("));
    assert_eq!(page.matches("<svg").count(), 3);
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), 3);
    assert!(page.contains("<title>09:00: 40 visits (happy 40)</title>"));
    assert!(page.contains("<dd class=\"value\">820</dd>"));
    assert!(page.contains("shown longest in 100% of the visits"));
}

#[test]
fn a_page_without_visits_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    drop(open(&path));
    let page = html(&path, Span::default(), moment(NOW_MS), &berlin()).unwrap();
    assert!(page.contains("Nothing was counted.") && page.contains("Nobody was counted."));
    assert!(!page.contains("NaN") && !page.contains("<svg"));
}

#[test]
fn labels_are_text_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = FakeClock::right();
    let labels = ["<b>&\"", "sad", "neutral"].map(str::to_owned);
    let record = mien_device::counter::store::Commit {
        boot_id: "boot-1",
        time: mien_device::counter::clock::BootTime::new(&clock),
        labels: &labels,
        visits: &[Visit {
            labels: labels.clone().into(),
            ..visit(HOUR_US, [2000, 0, 0], 0)
        }],
        periods: &[],
        steps: &[],
    };
    open(&path).commit(record).unwrap();
    let page = html(&path, Span::default(), moment(NOW_MS), &berlin()).unwrap();
    assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>"));
}
