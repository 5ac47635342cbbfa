//! Tells an MQTT broker what is seen and counted. A thread of its own: a broker that is slow, wrong
//! or gone costs the run nothing, and is told the newest state when it is back.

mod connection;
pub mod message;
mod options;

use std::path::PathBuf;
use std::pin::pin;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fs, io};

use rumqttc::{AsyncClient, EventLoop, LastWill, QoS};
use serde::Serialize;
use tokio::runtime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::counter::today::{Today, TodayCounts};
use crate::publish::Hub;
use crate::secret;
use message::{Seen, Topics, discovery};
pub use options::MqttOptions;

/// A broker that is not heard from for one and a half of this is gone; it does likewise.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Messages that wait for the broker; it is told the newest, so they are few.
const WAITING: usize = 16;
/// How often today's counts are looked at.
const COUNTS_INTERVAL: Duration = Duration::from_secs(1);
/// How long the goodbye may take.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Packets larger than this are neither sent nor taken, bytes.
const MAX_PACKET_BYTES: usize = 64 << 10;

/// Why nobody is told.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// The configuration does not allow it.
    #[error("{0}")]
    Options(String),
    /// There is no usable password.
    #[error("[mqtt] password file {}: {why}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has no thread for it.
    #[error("the MQTT client cannot be started: {0}")]
    Start(#[from] io::Error),
}

/// The running client. Dropping it says goodbye to the broker.
#[derive(Debug)]
pub struct Mqtt {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What is told, and to which topics.
struct Teller {
    hub: Hub,
    today: Option<Today>,
    options: MqttOptions,
    device: String,
    topics: Topics,
    client: AsyncClient,
}

impl Mqtt {
    /// Starts telling the broker what `hub` holds. That it cannot be reached is no error: it is
    /// tried again and again.
    ///
    /// # Errors
    /// If the configuration or the password cannot be used.
    pub fn start(options: &MqttOptions, hub: Hub, today: Option<Today>) -> Result<Self, MqttError> {
        options.validate().map_err(MqttError::Options)?;
        let device = options.device.clone().unwrap_or_else(machine_name);
        let topics = Topics::new(&options.topic, &device);
        let client_id = connection::client_id(&device);
        let mut to = rumqttc::MqttOptions::new(client_id, &options.host, options.port);
        to.set_keep_alive(KEEP_ALIVE);
        to.set_max_packet_size(MAX_PACKET_BYTES, MAX_PACKET_BYTES);
        let will = LastWill::new(&topics.availability, "offline", QoS::AtLeastOnce, true);
        to.set_last_will(will);
        if let Some(user) = &options.user {
            let password = match &options.password_file {
                Some(path) => secret::read(path).map_err(|why| MqttError::Password {
                    path: path.clone(),
                    why,
                })?,
                None => String::new(),
            };
            to.set_credentials(user, password);
        }
        let (client, connection) = AsyncClient::new(to, WAITING);
        let teller = Teller {
            hub,
            today,
            options: options.clone(),
            device,
            topics,
            client,
        };
        let (stop, stopped) = watch::channel(false);
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build()?;
        let thread = thread::Builder::new().name("mqtt".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(run(teller, connection, stopped));
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The machine's name, as far as a topic may hold it.
fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let may = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    let name: String = name.trim().chars().filter(may).collect();
    if name.is_empty() {
        "device".to_owned()
    } else {
        name
    }
}

async fn run(teller: Teller, mut connection: EventLoop, mut stopped: watch::Receiver<bool>) {
    let (link, linked) = watch::channel(None);
    let broker = format!("{}:{}", teller.options.host, teller.options.port);
    let client = teller.client.clone();
    let availability = teller.topics.availability.clone();
    {
        // Neither is ever dropped half done: connecting takes longer than a state lasts.
        let mut keeping = pin!(connection::keep(&mut connection, link, &broker));
        let mut telling = pin!(tell(teller, linked));
        tokio::select! {
            () = &mut keeping => {}
            () = &mut telling => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
    // A goodbye; otherwise the broker would tell the last will, later.
    let _ = client.try_publish(availability, QoS::AtLeastOnce, true, "offline");
    let _ = client.try_disconnect();
    let goodbye = async { while connection.poll().await.is_ok() {} };
    let _ = timeout(LAST_WORDS, goodbye).await;
}

/// Tells everything after each connection, and then what is new. While there is none nothing is sent:
/// what waited for the broker would be old, and told after what is newer.
async fn tell(teller: Teller, mut link: watch::Receiver<Option<u64>>) {
    loop {
        if link.wait_for(Option::is_some).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            // What still waits to be sent is dropped with the connection.
            changed = link.changed() => if changed.is_err() { return },
            () = tell_connected(&teller) => return,
        }
    }
}

/// Until the run is over.
async fn tell_connected(teller: &Teller) {
    let interval = Duration::from_millis(teller.options.min_interval_ms.into());
    let mut abouts = teller.hub.abouts();
    let mut states = teller.hub.states();
    let mut counts: Option<TodayCounts> = None;
    let mut due = Instant::now();
    teller.introduce().await;
    states.mark_changed();
    loop {
        let today = teller.today.as_ref().map(Today::get).unwrap_or_default();
        if counts.as_ref() != Some(&today) {
            if teller.today.is_some() {
                teller
                    .send(&teller.topics.counts, QoS::AtLeastOnce, &today)
                    .await;
            }
            counts = Some(today);
        }
        tokio::select! {
            () = sleep(COUNTS_INTERVAL) => {}
            changed = abouts.changed() => {
                if changed.is_err() {
                    return;
                }
                // Another model may have other labels.
                teller.introduce().await;
            }
            changed = async { sleep_until(due).await; states.changed().await } => {
                if changed.is_err() {
                    return;
                }
                due = Instant::now() + interval;
                let seen = Seen::of(&states.borrow_and_update());
                teller.send(&teller.topics.state, QoS::AtMostOnce, &seen).await;
            }
        }
    }
}

impl Teller {
    /// Says that the device is here and what it has.
    async fn introduce(&self) {
        let (topic, qos) = (&self.topics.availability, QoS::AtLeastOnce);
        // It fails when the run is over, which ends this as well.
        let _ = self.client.publish(topic, qos, true, "online").await;
        if self.options.discovery_topic.is_empty() {
            return;
        }
        let prefix = &self.options.discovery_topic;
        let has_counts = self.today.is_some();
        let about = self.hub.about();
        let labels: Vec<_> = about.labels.iter().map(|look| look.name.clone()).collect();
        let found = discovery(prefix, &self.device, &self.topics, &labels, has_counts);
        for (topic, config) in found {
            self.send(&topic, QoS::AtLeastOnce, &config).await;
        }
    }

    /// Sends, or waits where the broker takes nothing: what is newer by then is sent next.
    async fn send(&self, topic: &str, qos: QoS, message: &impl Serialize) {
        if let Ok(message) = serde_json::to_vec(message) {
            let _ = self.client.publish(topic, qos, true, message).await;
        }
    }
}
