//! A connection that breaks after a given number of bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Passes on what comes to it, until it has been enough.
pub struct Cutter {
    pub port: u16,
    most: Arc<AtomicU64>,
    passed: Arc<AtomicU64>,
}

impl Cutter {
    /// In front of a server on this machine.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let most = Arc::new(AtomicU64::new(u64::MAX));
        let passed = Arc::new(AtomicU64::new(0));
        let shared = (Arc::clone(&most), Arc::clone(&passed));
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    return;
                };
                let ways = [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server, client),
                ];
                for (from, to) in ways {
                    let (most, passed) = (Arc::clone(&shared.0), Arc::clone(&shared.1));
                    thread::spawn(move || pass(from, to, &most, &passed));
                }
            }
        });
        Self { port, most, passed }
    }

    /// From the next connection on.
    pub fn cut_after(&self, bytes: u64) {
        self.passed.store(0, Ordering::SeqCst);
        self.most.store(bytes, Ordering::SeqCst);
    }

    /// Bytes so far, both ways together.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, most: &AtomicU64, passed: &AtomicU64) {
    let mut buffer = [0; 256];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let before = passed.fetch_add(length as u64, Ordering::SeqCst);
        let left = most.load(Ordering::SeqCst).saturating_sub(before);
        let length = length.min(left as usize);
        let is_enough = left <= length as u64;
        if to.write_all(&buffer[..length]).is_err() || is_enough {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
