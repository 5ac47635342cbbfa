//! No number of clients, and no kind, costs the run anything.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mien_device::kiosk::Limits;

use crate::client::{Events, connect, get, send};
use crate::{HAPPY, SAD, Setup};

/// Memory of this process, bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn two_hundred_slow_clients_cost_neither_pace_nor_memory() {
    let mut stage = Setup::default().start();
    let address = stage.address();
    // They ask and never read.
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(address);
            let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut quick = Events::open(address);
    quick.wait("state");
    let before = resident();
    let mut longest = Duration::ZERO;
    // As many decisions as an hour of a lively crowd has; each goes to everyone.
    for round in 0..3000u64 {
        let start = Instant::now();
        stage.show(round, &[Some(if round % 2 == 0 { HAPPY } else { SAD }); 6]);
        longest = longest.max(start.elapsed());
        if round % 100 == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    stage.show(3000, &[None]);
    while quick.wait("state")["timestamp_ms"] != 3000 * 400 {}
    let grown = resident().saturating_sub(before);
    println!(
        "the slowest frame took {longest:?}; {} KiB more memory",
        grown >> 10
    );
    assert!(longest < Duration::from_millis(100), "{longest:?}");
    assert!(grown < 24 << 20, "{} KiB", grown >> 10);
    // Once it reads, a slow one comes to the newest state, too, and has missed most of the others.
    let mut late = slow.into_iter().next().unwrap();
    let mut bytes = 0;
    let mut seen: Vec<u8> = Vec::new();
    let mut part = [0; 65536];
    let newest = b"\"timestamp_ms\":1200000";
    while !seen.windows(newest.len()).any(|window| window == newest) {
        let keep = seen.len().saturating_sub(newest.len());
        seen.drain(..keep);
        let count = late.read(&mut part).unwrap();
        assert!(count > 0);
        bytes += count;
        seen.extend(&part[..count]);
    }
    assert!(bytes < 2 << 20, "{bytes} bytes were kept for it");
}

#[test]
fn more_connections_than_allowed_are_told_so() {
    let setup = Setup {
        limits: Limits {
            connections: 3,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let stage = setup.start();
    let open: Vec<_> = (0..3).map(|_| Events::open(stage.address())).collect();
    assert_eq!(send(stage.address(), "GET / HTTP/1.1\r\n\r\n").status, 503);
    drop(open);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        // The slots come back when the ends are noticed.
        let mut stream = connect(stage.address());
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", stage.address());
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let mut part = [0; 512];
        if let Ok(count) = stream.read(&mut part) {
            answer.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        if answer.contains("content-security-policy") {
            break;
        }
        assert!(Instant::now() < end, "{answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the server closes `stream` within ten seconds.
fn is_closed(mut stream: TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

fn quick() -> Setup {
    Setup {
        limits: Limits {
            header_timeout: Duration::from_millis(300),
            request_timeout: Duration::from_millis(600),
            stall_timeout: Duration::from_millis(500),
            ..Limits::default()
        },
        ..Setup::default()
    }
}

#[test]
fn whoever_says_nothing_or_too_little_is_let_go() {
    let stage = quick().start();
    let silent = connect(stage.address());
    let mut trickle = connect(stage.address());
    trickle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").unwrap();
    let mut idle = connect(stage.address());
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", stage.address());
    idle.write_all(request.as_bytes()).unwrap();
    let mut body = connect(stage.address());
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\ncontent-length: 20\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\ntoken=",
        stage.address()
    );
    body.write_all(request.as_bytes()).unwrap();
    assert!(is_closed(silent) && is_closed(trickle) && is_closed(idle) && is_closed(body));
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let mut setup = quick();
    setup.limits.connections = 1;
    let mut stage = setup.start();
    let address = stage.address();
    let mut stuck = connect(address);
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stuck.write_all(request.as_bytes()).unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let mut round = 0;
    // Its buffers fill; then the system gives up, and the one connection is free.
    loop {
        for _ in 0..50 {
            round += 1;
            stage.show(round, &[Some(if round % 2 == 0 { HAPPY } else { SAD }); 8]);
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut probe = connect(address);
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let _ = probe.write_all(request.as_bytes());
        let mut part = [0; 64];
        let count = probe.read(&mut part).unwrap_or(0);
        if part[..count].starts_with(b"HTTP/1.1 200") {
            break;
        }
        assert!(Instant::now() < end);
    }
}

#[test]
fn large_and_broken_requests_are_refused() {
    let stage = Setup::default().start();
    let address = stage.address();
    let host = format!("Host: {address}\r\n");
    let long = format!("GET /?{} HTTP/1.1\r\n{host}\r\n", "x".repeat(20_000));
    assert!((400..500).contains(&send(address, &long).status));
    let header = format!("GET / HTTP/1.1\r\n{host}x: {}\r\n\r\n", "x".repeat(20_000));
    assert!((400..500).contains(&send(address, &header).status));
    let lines: String = (0..200).map(|n| format!("x{n}: y\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\n{host}{lines}\r\n");
    assert!((400..500).contains(&send(address, &many).status));
    let form = format!("token={}", "x".repeat(5000));
    let large = crate::client::post(address, "/login", &form, &[]);
    assert_eq!(large.status, 413);
    assert_eq!(send(address, "\u{1}\u{2}\r\n\r\n").status, 400);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let request = format!("{method} / HTTP/1.1\r\n{host}content-length: 0\r\n\r\n");
        assert_eq!(send(address, &request).status, 405, "{method}");
    }
    assert_eq!(get(address, "/").status, 200, "and others are served");
}
