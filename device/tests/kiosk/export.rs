//! The owner's counts over HTTP are those of `mien-device export`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mien_device::counter::clock::{BootTime, Clock};
use mien_device::counter::export::{self, By, Format, Query};
use mien_device::counter::store::{Commit, Store};
use mien_device::counter::visit::Visit;
use mien_device::kiosk::Limits;
use mien_models::label::Labels;

use crate::client::{Answer, get};
use crate::{HAPPY, SAD, Setup};

/// A machine that was started at this moment.
struct Booted(Timestamp);

impl Clock for Booted {
    fn boot_id(&self) -> &str {
        "a boot"
    }

    fn boot_us(&self) -> u64 {
        0
    }

    fn wall_ms(&self) -> i64 {
        self.0.as_millisecond()
    }

    fn is_synchronized(&self) -> bool {
        true
    }
}

/// A database with `count` visits, one every minute.
fn fill(database: &Path, count: u64) {
    let labels: Arc<[String]> = Labels::fer2013().iter().map(str::to_owned).collect();
    let visit = |index: u64| {
        let winner = if index.is_multiple_of(3) { SAD } else { HAPPY };
        Visit {
            sequence: index * 60_000_000,
            duration_ms: 4000,
            labels: Arc::clone(&labels),
            shown_ms: (0..7).map(|l| if l == winner { 3000 } else { 0 }).collect(),
            uncertain_ms: 1000,
            unseen_ms: 0,
            expression: Some(winner),
            confidence: Some(0.5),
        }
    };
    let visits: Vec<_> = (0..count).map(visit).collect();
    let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
    let mut store = Store::open(database, Duration::from_secs(1), now)
        .unwrap()
        .store;
    let commit = Commit {
        boot_id: "a boot",
        time: BootTime::new(&Booted(now)),
        labels: &labels,
        visits: &visits,
        periods: &[],
        steps: &[],
    };
    store.commit(commit).unwrap();
}

/// Takes a body apart that was sent in chunks.
fn whole(address: std::net::SocketAddr, path: &str) -> (Answer, Vec<u8>) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut stream = crate::client::connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let head = crate::client::read_head(&mut reader);
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).unwrap();
        body.extend(&chunk[..length]);
        if length == 0 {
            return (head, body);
        }
    }
}

#[test]
fn the_export_is_the_command_s_byte_for_byte() {
    let setup = Setup::default();
    let database = setup.database();
    fill(&database, 5000);
    let stage = setup.start();
    for (by, format, name) in [
        (By::Hour, Format::Csv, "mien-hours.csv"),
        (By::Day, Format::Json, "mien-days.json"),
        (By::Visit, Format::Ndjson, "mien-visits.ndjson"),
    ] {
        let query = Query {
            by,
            ..Query::default()
        };
        let mut expected = Vec::new();
        export::write(&database, &query, format, &mut expected).unwrap();
        let by = name.trim_start_matches("mien-").split("s.").next().unwrap();
        let path = format!("/api/v1/export?by={by}&format={}", format.name());
        let (head, body) = whole(stage.address(), &path);
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), Some(format.media_type()));
        let disposition = head.header("content-disposition").unwrap();
        assert!(disposition.contains(name), "{disposition}");
        assert!(expected.len() > 100);
        assert!(body == expected, "{name}: {} bytes", body.len());
    }
}

#[test]
fn a_range_is_one_and_a_wrong_one_is_named() {
    let setup = Setup::default();
    fill(&setup.database(), 600);
    let stage = setup.start();
    let path = "/api/v1/export?by=visit&format=ndjson\
        &from=2026-11-23T08:30:00Z&to=2026-11-23T09:00:00Z";
    let (_, body) = whole(stage.address(), path);
    assert_eq!(body.iter().filter(|byte| **byte == b'\n').count(), 30);
    for (query, says) in [
        ("from=yesterday", "from: `yesterday` is no time"),
        ("by=minute", "there is hour, day, visit"),
        ("format=xml", "format: there is csv"),
        ("by=visit&min_cell=5", "cells of 5"),
    ] {
        let answer = get(stage.address(), &format!("/api/v1/export?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[test]
fn a_third_export_is_told_when_to_come_again() {
    use std::io::{BufReader, Write as _};
    let setup = Setup::default();
    // More than fits between the device and a client that reads nothing.
    fill(&setup.database(), 60_000);
    let stage = setup.start();
    let address = stage.address();
    let path = "/api/v1/export?by=visit&format=json";
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = crate::client::connect(address);
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut reader = BufReader::with_capacity(256, stream);
            assert_eq!(crate::client::read_head(&mut reader).status, 200);
            reader
        })
        .collect();
    let third = get(address, path);
    assert_eq!(
        (third.status, third.header("retry-after")),
        (503, Some("20"))
    );
    // The page itself is served, and clients that leave make room at once.
    assert_eq!(get(address, "/api/v1/state").status, 200);
    drop(slow);
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while crate::client::get_head(address, "/api/v1/export?by=day").status != 200 {
        assert!(std::time::Instant::now() < end, "no room");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_client_that_drips_is_given_up_and_does_not_take_half_for_all() {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;
    let setup = Setup {
        limits: Limits {
            export_timeout: Duration::from_millis(500),
            ..Limits::default()
        },
        ..Setup::default()
    };
    fill(&setup.database(), 60_000);
    let stage = setup.start();
    let address = stage.address();
    let path = "/api/v1/export?by=visit&format=json";
    let start = Instant::now();
    let mut slow: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = crate::client::connect(address);
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    // They go on taking a little, too little for all of it, and still there is room again.
    let mut drop_of = [0; 100];
    loop {
        for stream in &mut slow {
            stream.read_exact(&mut drop_of).unwrap();
        }
        let is_over = start.elapsed() > Duration::from_millis(500);
        if is_over && crate::client::get_head(address, "/api/v1/export?by=day").status == 200 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no room");
        std::thread::sleep(Duration::from_millis(10));
    }
    // What is left to read has no end: the last chunk of a whole transfer has no bytes.
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest);
    assert!(rest.len() > 10_000, "{} bytes", rest.len());
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"));
}

#[test]
fn without_usable_counts_there_is_a_reason() {
    let setup = Setup::default();
    let database = setup.database();
    let stage = setup.start();
    let answer = get(stage.address(), "/api/v1/export");
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(answer.text().contains("nothing has been counted yet"));
    fs::write(
        &database,
        "no database at all, but more than a header is long",
    )
    .unwrap();
    let answer = get(stage.address(), "/api/v1/export");
    assert_eq!(answer.status, 503, "{}", answer.text());
}
