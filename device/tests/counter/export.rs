//! Exports as they are documented.

use std::io::{self, Write};
use std::path::Path;

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use mien_device::counter::export::{By, ExportError, Format, Query, write};
use mien_device::counter::range::{End, parse};
use mien_device::counter::store::{Period, Span};
use mien_device::counter::visit::Visit;

use super::made::{FakeClock, HOUR_US, Told, commit, open, visit};

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

/// A boot whose time never became known, then one of two hours on a Monday morning.
fn fill(path: &Path) {
    let mut store = open(path);
    let lost = FakeClock::new(Told {
        boot_id: "boot-0",
        boot_us: 0,
        wall_ms: 0,
        is_synchronized: false,
    });
    commit(&mut store, &lost, &[visit(5_000_000, [2000, 0, 0], 0)], &[]);
    let clock = FakeClock::right();
    let minute_us = HOUR_US / 60;
    let visits = [
        visit(HOUR_US, [4000, 0, 1500], 500),
        visit(HOUR_US + minute_us, [3000, 0, 0], 0),
        visit(HOUR_US + 2 * minute_us, [0, 2100, 2000], 0),
        visit(HOUR_US + 59 * minute_us, [0, 0, 0], 1200),
        visit(2 * HOUR_US, [0, 0, 61_000], 0),
    ];
    let period = |start_ms, up_ms| Period {
        start_ms,
        up_ms,
        frames: up_ms / 40,
        frames_without_face: up_ms / 50,
        camera_losses: 1,
    };
    let quarter_ms = HOUR_US / 4000;
    let periods = [
        period(HOUR_US / 1000, quarter_ms),
        period(HOUR_US / 1000 + quarter_ms, quarter_ms),
        period(HOUR_US / 500, 60_000),
    ];
    commit(&mut store, &clock, &visits, &periods);
}

fn export(path: &Path, query: &Query, format: Format) -> String {
    let mut to = Vec::new();
    write(path, query, format, &mut to).unwrap();
    String::from_utf8(to).unwrap()
}

#[test]
fn files_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    for (by, name) in [(By::Visit, "visit"), (By::Hour, "hour"), (By::Day, "day")] {
        let query = Query {
            by,
            zone: berlin(),
            ..Query::default()
        };
        for format in [Format::Csv, Format::Json, Format::Ndjson] {
            let text = export(&path, &query, format);
            assert_snapshot!(format!("{name}_{}", format.name()), text.replace('\r', "␍"));
        }
    }
}

#[test]
fn small_cells_are_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let query = Query {
        min_cell: 3,
        zone: berlin(),
        ..Query::default()
    };
    assert_snapshot!(
        "hour_min_cell",
        export(&path, &query, Format::Csv).replace('\r', "␍")
    );
    let query = Query {
        by: By::Visit,
        ..query
    };
    let outcome = write(&path, &query, Format::Csv, &mut Vec::new());
    assert!(matches!(
        outcome,
        Err(ExportError::SmallCells { min_cell: 3 })
    ));
}

#[test]
fn all_formats_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let query = Query {
        by: By::Visit,
        ..Query::default()
    };
    let array: serde_json::Value =
        serde_json::from_str(&export(&path, &query, Format::Json)).unwrap();
    let lines = export(&path, &query, Format::Ndjson);
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(array.as_array().unwrap(), &lines);
    let csv = export(&path, &query, Format::Csv);
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    for (row, line) in csv.records().zip(&lines) {
        let row = row.unwrap();
        assert_eq!(&row[3], line["sequence"].to_string());
        assert_eq!(&row[0], line["start"].as_str().unwrap_or(""));
        assert_eq!(
            row[4].parse::<f64>().unwrap(),
            line["duration_s"].as_f64().unwrap()
        );
    }
    assert_eq!(lines.len(), 6);
}

#[test]
fn a_range_is_from_to_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let count = |from: Option<&str>, to: Option<&str>| {
        let read = |text: Option<&str>, end| text.map(|text| parse(text, end, &berlin()).unwrap());
        let query = Query {
            span: Span {
                from: read(from, End::From),
                to: read(to, End::To),
            },
            by: By::Visit,
            ..Query::default()
        };
        write(&path, &query, Format::Ndjson, &mut Vec::new()).unwrap()
    };
    assert_eq!(count(None, None), 6);
    // What has no known time is in no range.
    assert_eq!(count(Some("2026-11-23"), None), 5);
    assert_eq!(count(Some("2026-11-23"), Some("2026-11-23")), 5);
    assert_eq!(count(None, Some("2026-11-22")), 0);
    assert_eq!(count(Some("2026-11-23T10:00"), None), 1);
    assert_eq!(count(None, Some("2026-11-23T10:00")), 4);
    assert_eq!(
        count(
            Some("2026-11-23T09:00:00+01:00"),
            Some("2026-11-23T08:01:00Z")
        ),
        1
    );
}

/// Takes so many bytes and no more.
struct Tired(usize);

impl Write for Tired {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        match taken {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_recognized() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let mut store = open(&path);
    let visits: Vec<_> = (0..500).map(|n| visit(n, [2000, 0, 0], 0)).collect();
    commit(&mut store, &FakeClock::right(), &visits, &[]);
    let query = Query {
        by: By::Visit,
        ..Query::default()
    };
    for format in [Format::Csv, Format::Json, Format::Ndjson] {
        for bytes in [0, 1, 200, 20_000] {
            let outcome = write(&path, &query, format, &mut Tired(bytes));
            let Err(ExportError::Write(error)) = outcome else {
                panic!("{format:?} after {bytes} bytes: {outcome:?}");
            };
            assert_eq!(
                error.kind(),
                io::ErrorKind::BrokenPipe,
                "{format:?}, {bytes}"
            );
        }
    }
}

#[test]
fn labels_cannot_become_formulas() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let mut store = open(&path);
    let labels = ["=1+1", "a,\"b\"", "fröhlich"].map(str::to_owned);
    let clock = FakeClock::right();
    let record = mien_device::counter::store::Commit {
        boot_id: "boot-1",
        time: mien_device::counter::clock::BootTime::new(&clock),
        labels: &labels,
        visits: &[Visit {
            labels: labels.clone().into(),
            ..visit(HOUR_US, [2000, 1000, 500], 0)
        }],
        periods: &[],
        steps: &[],
    };
    store.commit(record).unwrap();
    let query = Query {
        by: By::Visit,
        zone: TimeZone::UTC,
        ..Query::default()
    };
    let csv = export(&path, &query, Format::Csv);
    assert!(csv.starts_with("\u{feff}start,clock,"), "{csv}");
    assert!(
        csv.contains(",'=1+1_s,\"a,\"\"b\"\"_s\",fröhlich_s\r\n"),
        "{csv}"
    );
    assert!(csv.contains(",'=1+1,0.75,"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&export(&path, &query, Format::Json)).unwrap();
    assert_eq!(json[0]["expression"], "=1+1", "only spreadsheets need it");
}

#[test]
fn an_empty_database_is_an_empty_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    drop(open(&path));
    let query = Query::default();
    let json: serde_json::Value =
        serde_json::from_str(&export(&path, &query, Format::Json)).unwrap();
    assert_eq!(json, serde_json::json!([]));
    assert_eq!(export(&path, &query, Format::Ndjson), "");
    assert_eq!(export(&path, &query, Format::Csv).lines().count(), 1);
    let missing = write(
        &folder.path().join("none.db"),
        &query,
        Format::Csv,
        &mut Vec::new(),
    );
    let error = missing.unwrap_err().to_string();
    assert!(error.contains("nothing has been counted yet"), "{error}");
}

#[test]
fn reading_sees_one_moment_while_counting_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let mut store = open(&path);
    let reader = mien_device::counter::store::Reader::open(&path).unwrap();
    let clock = FakeClock::right();
    commit(
        &mut store,
        &clock,
        &[visit(9 * HOUR_US, [2000, 0, 0], 0)],
        &[],
    );
    let count = |reader: &mien_device::counter::store::Reader| {
        let mut count = 0;
        let each = |_| {
            count += 1;
            Ok::<_, ExportError>(())
        };
        reader.visits(Span::default(), each).unwrap();
        count
    };
    assert_eq!(count(&reader), 6);
    drop(reader);
    assert_eq!(
        count(&mien_device::counter::store::Reader::open(&path).unwrap()),
        7
    );
}
