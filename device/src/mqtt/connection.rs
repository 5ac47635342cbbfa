//! The connection to the broker: made again and again, under a name that no other device has.

use std::fs;
use std::time::Duration;

use rumqttc::{Event, EventLoop, Packet};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::update::store::hex;

/// Time from one attempt to reach the broker to the next: doubled each time, from the first to the
/// last.
const BACKOFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(60)];
/// A connection that stood for so long was a good one. One that is cut off sooner, by a broker that
/// restarts in a loop or takes nobody, is tried as seldom as one that failed.
const STOOD: Duration = Duration::from_secs(30);
/// What tells this machine from others, also where cards are copies of one another: the
/// installation's id, and a Raspberry Pi's serial number.
const MACHINE: [&str; 2] = [
    "/etc/machine-id",
    "/sys/firmware/devicetree/base/serial-number",
];
/// Bytes of a hash in the client's id. With `mien-` it has 21 characters: of up to 23 every broker
/// takes it (MQTT 3.1.1, section 3.1.3.1).
const ID_BYTES: usize = 8;

/// The client's id for `device` on this machine: a broker ends the older of two connections with the
/// same one. Where the machine has no name of its own it is another one at each start.
pub fn client_id(device: &str) -> String {
    let machine: Vec<u8> = MACHINE
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .flatten()
        .collect();
    if machine.is_empty() {
        return id_of(&fastrand::u128(..).to_le_bytes(), device);
    }
    id_of(&machine, device)
}

/// A hash, since a machine's id is not for others to know (machine-id(5)).
fn id_of(machine: &[u8], device: &str) -> String {
    let hash = Sha256::new()
        .chain_update(b"mien mqtt client\0")
        .chain_update((machine.len() as u64).to_le_bytes())
        .chain_update(machine)
        .chain_update(device)
        .finalize();
    format!("mien-{}", hex(&hash[..ID_BYTES]))
}

/// Time to the next attempt.
#[derive(Debug)]
struct Backoff {
    next: Duration,
    since: Option<Instant>,
}

impl Backoff {
    fn new() -> Self {
        Self {
            next: BACKOFF[0],
            since: None,
        }
    }

    fn connected(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// The connection is lost, or could not be made: how long to wait.
    fn lost(&mut self, now: Instant) -> Duration {
        let since = self.since.take();
        if since.is_some_and(|since| now.saturating_duration_since(since) >= STOOD) {
            self.next = BACKOFF[0];
        }
        let wait = self.next;
        self.next = (2 * wait).min(BACKOFF[1]);
        wait
    }
}

/// Connects again and again. `link` is the number of the connection that stands, if one does.
pub async fn keep(connection: &mut EventLoop, link: watch::Sender<Option<u64>>, broker: &str) {
    let mut backoff = Backoff::new();
    let mut connects = 0;
    let mut is_known_lost = false;
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!("the broker {broker} is there");
                is_known_lost = false;
                backoff.connected(Instant::now());
                connects += 1;
                link.send_replace(Some(connects));
            }
            Ok(_) => {}
            Err(error) => {
                link.send_replace(None);
                // Once, and not every minute for a week.
                if !is_known_lost {
                    tracing::warn!("the broker {broker} cannot be told: {error}; trying again");
                }
                is_known_lost = true;
                // Many devices do not come back in the same moment.
                let wait = backoff.lost(Instant::now());
                sleep(wait.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connection_that_stood_is_tried_again_at_once() {
        let mut backoff = Backoff::new();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        // Taken and thrown out again, for ever.
        for _ in 0..9 {
            backoff.connected(now);
            now += STOOD - Duration::from_millis(1);
            waits.push(backoff.lost(now).as_millis());
        }
        let doubled = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000];
        assert_eq!(waits, doubled);
        assert_eq!(backoff.lost(now), BACKOFF[1], "not even taken");
        backoff.connected(now);
        assert_eq!(backoff.lost(now + STOOD), BACKOFF[0]);
    }

    #[test]
    fn two_machines_have_two_ids() {
        let here = id_of(b"0123456789abcdef\n", "entrance");
        assert_eq!(here, id_of(b"0123456789abcdef\n", "entrance"));
        assert_ne!(here, id_of(b"0123456789abcdee\n", "entrance"));
        assert_ne!(here, id_of(b"0123456789abcdef\n", "exit"));
        assert!(here.len() <= 23 && here.starts_with("mien-"), "{here}");
        assert!(!here.contains("0123456789"), "{here}");
        assert!(client_id("entrance").len() == here.len());
    }
}
