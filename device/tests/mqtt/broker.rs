//! A Mosquitto of the test's own, and a client that listens.

use std::collections::HashMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(40);

pub struct Broker {
    pub port: u16,
    process: Child,
    _folder: TempDir,
}

/// A port that is free at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Broker {
    /// Starts one that keeps nothing on disk; `None`, said aloud, where there is none.
    pub fn start(port: Option<u16>) -> Option<Self> {
        let places = [
            "/usr/sbin/mosquitto",
            "/usr/bin/mosquitto",
            "/usr/local/sbin/mosquitto",
        ];
        let Some(program) = places.into_iter().find(|place| Path::new(place).exists()) else {
            let required = std::env::var_os("MIEN_REQUIRE_MOSQUITTO").is_some();
            assert!(!required, "there is no mosquitto");
            eprintln!("skipped: there is no mosquitto (hint: apt install mosquitto)");
            return None;
        };
        let port = port.unwrap_or_else(free_port);
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
        fs::write(&config, text).unwrap();
        let process = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            port,
            process,
            _folder: folder,
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What it heard last of each topic, and what comes.
pub struct Listener {
    heard: HashMap<String, String>,
    all: Vec<(String, String)>,
    messages: Receiver<(String, String)>,
}

impl Listener {
    pub fn new(broker: &Broker, topics: &str) -> Self {
        let id = format!("listener-{}", fastrand::u64(..));
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.port);
        options.set_keep_alive(Duration::from_secs(10));
        let (client, mut connection) = Client::new(options, 16);
        client.subscribe(topics, QoS::AtLeastOnce).unwrap();
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            // Alive as long as somebody waits for messages.
            let _client = client;
            for event in connection.iter() {
                let Ok(event) = event else { return };
                if let Event::Incoming(Packet::Publish(message)) = event {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    if sender.send((message.topic, text)).is_err() {
                        return;
                    }
                }
            }
        });
        Self {
            heard: HashMap::new(),
            all: Vec::new(),
            messages,
        }
    }

    /// All messages of `topic` so far, and those of the next moment.
    pub fn all(&mut self, topic: &str) -> Vec<String> {
        while let Ok(message) = self.messages.recv_timeout(Duration::from_secs(1)) {
            self.all.push(message);
        }
        let told = self.all.iter().filter(|(told, _)| told == topic);
        told.map(|(_, message)| message.clone()).collect()
    }

    /// The latest message of `topic` once `is_it`.
    pub fn wait(&mut self, topic: &str, is_it: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(message) = self.heard.get(topic).filter(|message| is_it(message)) {
                return message.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(left) {
                Ok((topic, message)) => {
                    self.all.push((topic.clone(), message.clone()));
                    self.heard.insert(topic, message)
                }
                Err(error) => panic!("{topic}: {error}; there was {:?}", self.heard),
            };
        }
    }
}
