//! A real Mosquitto (`apt install mosquitto`) is told what is seen; `MIEN_REQUIRE_MOSQUITTO=1` makes
//! its absence a failure.

mod broker;
#[path = "../shared/judged.rs"]
mod judged;

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use mien_device::card::Card;
use mien_device::counter::today::{Today, TodayCounts};
use mien_device::mqtt::{Mqtt, MqttError, MqttOptions};
use mien_device::output::Output as _;
use mien_device::pipeline::exchange::Models;
use mien_device::publish::Hub;
use mien_device::publish::about::About;
use mien_device::publish::publisher::Publisher;
use mien_models::label::Labels;
use serde_json::Value;

use broker::{Broker, Listener};
use judged::judged;

const HAPPY: usize = 3;
const SAD: usize = 4;

struct Stage {
    mqtt: Mqtt,
    run: Publisher,
    today: Today,
}

fn models(labels: Labels) -> Models {
    Models {
        card: Card::default(),
        labels,
        detector: "haar".to_owned(),
    }
}

fn start(port: u16) -> Stage {
    let models = models(Labels::fer2013());
    let hub = Hub::new(About::new(&models, String::new()));
    let options = MqttOptions {
        enabled: true,
        host: "127.0.0.1".to_owned(),
        port,
        min_interval_ms: 100,
        device: Some("entrance".to_owned()),
        ..MqttOptions::default()
    };
    let today = Today::default();
    let mqtt = Mqtt::start(&options, hub.clone(), Some(today.clone())).unwrap();
    Stage {
        mqtt,
        run: Publisher::new(hub, &models.labels),
        today,
    }
}

#[test]
fn the_broker_is_told_everything_and_keeps_it() {
    let Some(broker) = Broker::start(None) else {
        return;
    };
    let mut stage = start(broker.port);
    stage.run.show(&judged(1, &[Some(HAPPY), None])).unwrap();
    let mut listener = Listener::new(&broker, "#");
    let state = listener.wait("mien/entrance/state", |m| m.contains("happy"));
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["camera"], "ok");
    assert_eq!(state["faces"], 2);
    assert_eq!(state["expression"], "happy");
    assert_eq!(state["expressions"][1], "uncertain");
    listener.wait("mien/entrance/availability", |m| m == "online");
    stage.today.set(TodayCounts {
        visits: 41,
        ..TodayCounts::default()
    });
    listener.wait("mien/entrance/counts", |m| m.contains("\"visits\":41"));
    let start = Instant::now();
    stage.run.show(&judged(2, &[Some(SAD)])).unwrap();
    listener.wait("mien/entrance/state", |m| {
        m.contains("\"expression\":\"sad\"")
    });
    println!("a decision took {:?} to the listener", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(1));

    // Who comes later finds all of it, and Home Assistant the sensors.
    let mut late = Listener::new(&broker, "#");
    late.wait("mien/entrance/state", |m| m.contains("sad"));
    for (topic, says) in [
        ("sensor/mien_entrance/expression", "\"nobody\""),
        ("sensor/mien_entrance/faces", "value_json.faces"),
        ("sensor/mien_entrance/visits", "value_json.visits"),
        ("binary_sensor/mien_entrance/camera", "value_json.camera"),
    ] {
        let config = late.wait(&format!("homeassistant/{topic}/config"), |_| true);
        let config: Value = serde_json::from_str(&config).unwrap();
        assert!(config.to_string().contains(says), "{config}");
        assert_eq!(config["availability_topic"], "mien/entrance/availability");
    }

    // Home Assistant is told of another model's labels.
    let others = models(Labels::new(["smiling", "not smiling"]).unwrap());
    stage.run.switch(&others).unwrap();
    late.wait(
        "homeassistant/sensor/mien_entrance/expression/config",
        |m| m.contains("\"not smiling\"") && !m.contains("\"happy\""),
    );

    // A run that ends says so.
    let start = Instant::now();
    drop(stage.mqtt);
    assert!(start.elapsed() < Duration::from_secs(3));
    late.wait("mien/entrance/availability", |m| m == "offline");
}

#[test]
fn a_broker_that_vanishes_costs_nothing_and_is_told_when_it_is_back() {
    let Some(broker) = Broker::start(None) else {
        return;
    };
    let port = broker.port;
    let mut stage = start(port);
    stage.run.show(&judged(1, &[Some(HAPPY)])).unwrap();
    Listener::new(&broker, "#").wait("mien/entrance/state", |m| m.contains("happy"));
    drop(broker);
    let mut longest = Duration::ZERO;
    for sequence in 2..400 {
        let start = Instant::now();
        let winner = if sequence % 2 == 0 { HAPPY } else { SAD };
        stage.run.show(&judged(sequence, &[Some(winner)])).unwrap();
        longest = longest.max(start.elapsed());
        sleep(Duration::from_millis(5));
    }
    assert!(longest < Duration::from_millis(50), "{longest:?}");
    stage.run.show(&judged(400, &[None, None, None])).unwrap();

    // An empty broker on the same port: nothing was retained.
    let broker = Broker::start(Some(port)).unwrap();
    let mut listener = Listener::new(&broker, "#");
    listener.wait("mien/entrance/availability", |m| m == "online");
    listener.wait("homeassistant/sensor/mien_entrance/faces/config", |_| true);
    listener.wait("mien/entrance/state", |m| m.contains("\"faces\":3"));
    // And of what was seen while it was away, nothing.
    let told = listener.all("mien/entrance/state");
    assert!(told.iter().all(|m| m.contains("\"faces\":3")), "{told:?}");
}

#[test]
fn a_device_that_is_killed_is_offline_by_its_last_will() {
    let Some(broker) = Broker::start(None) else {
        return;
    };
    let mut device = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(["run", "--source", "demo"])
        .env("MIEN_CONFIG_MQTT__ENABLED", "true")
        .env("MIEN_CONFIG_MQTT__HOST", "127.0.0.1")
        .env("MIEN_CONFIG_MQTT__PORT", broker.port.to_string())
        .env("MIEN_CONFIG_MQTT__DEVICE", "killed")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut listener = Listener::new(&broker, "mien/killed/#");
    listener.wait("mien/killed/availability", |m| m == "online");
    listener.wait("mien/killed/state", |m| m.contains("\"faces\":1"));
    device.kill().unwrap();
    device.wait().unwrap();
    listener.wait("mien/killed/availability", |m| m == "offline");
}

#[test]
fn without_a_broker_the_run_starts_and_ends_in_time() {
    // Nothing listens there: it was free a moment ago.
    let mut stage = start(broker::free_port());
    let start = Instant::now();
    stage.run.show(&judged(1, &[Some(HAPPY)])).unwrap();
    assert!(start.elapsed() < Duration::from_millis(50));
    drop(stage.mqtt);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_password_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "secret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let options = MqttOptions {
        user: Some("mien".to_owned()),
        password_file: Some(path),
        ..MqttOptions::default()
    };
    let hub = Hub::new(About::new(&models(Labels::fer2013()), String::new()));
    let error = Mqtt::start(&options, hub, None).unwrap_err();
    assert!(matches!(error, MqttError::Password { .. }), "{error}");
    assert!(error.to_string().contains("644"), "{error}");
}
