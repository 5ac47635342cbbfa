//! The configuration's `[mqtt]` section.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A broker that is told what is seen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttOptions {
    /// Whether it is told anything.
    pub enabled: bool,
    /// The broker's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Topics begin with this and the device's name.
    pub topic: String,
    /// Where Home Assistant looks for devices; empty is nowhere.
    pub discovery_topic: String,
    /// Least time between two states, milliseconds; the newest counts.
    pub min_interval_ms: u32,
    /// The device's name in topics; without one the machine's.
    pub device: Option<String>,
    /// Who it is at the broker.
    pub user: Option<String>,
    /// File with the password in its first line.
    pub password_file: Option<PathBuf>,
}

impl Default for MqttOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            host: "localhost".to_owned(),
            port: 1883,
            topic: "mien".to_owned(),
            discovery_topic: "homeassistant".to_owned(),
            min_interval_ms: 1000,
            device: None,
            user: None,
            password_file: None,
        }
    }
}

impl MqttOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let Self {
            host,
            port,
            min_interval_ms,
            ..
        } = self;
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err(format!(
                "[mqtt] host is \"{host}\"; it must be a name or an address"
            ));
        }
        if *port == 0 {
            return Err(format!("[mqtt] port is {port}; it must be 1 to 65535"));
        }
        if !(100..=3_600_000).contains(min_interval_ms) {
            return Err(format!(
                "[mqtt] min_interval_ms is {min_interval_ms}; it must be 100 to 3600000"
            ));
        }
        let device = self.device.as_deref().unwrap_or("x");
        for (key, value, may) in [
            ("topic", self.topic.as_str(), "/-_"),
            ("discovery_topic", self.discovery_topic.as_str(), "/-_"),
            ("device", device, "-_"),
        ] {
            let is_fine = |c: char| c.is_ascii_alphanumeric() || may.contains(c);
            let may_be_empty = key == "discovery_topic";
            let has_gap = value.split('/').any(str::is_empty) && !value.is_empty();
            if !value.chars().all(is_fine) || has_gap || (value.is_empty() && !may_be_empty) {
                return Err(format!(
                    "[mqtt] {key} is \"{value}\"; it must be letters, digits and {}",
                    may.chars()
                        .map(|c| format!("`{c}`"))
                        .collect::<Vec<_>>()
                        .join(" ")
                ));
            }
        }
        if self.password_file.is_some() && self.user.is_none() {
            return Err("[mqtt] password_file is given, but no user".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_topics() {
        let check = |change: fn(&mut MqttOptions)| {
            let mut options = MqttOptions::default();
            change(&mut options);
            options.validate()
        };
        assert_eq!(check(|_| ()), Ok(()));
        assert_eq!(check(|o| o.topic = "museum/mien".to_owned()), Ok(()));
        assert_eq!(check(|o| o.discovery_topic = String::new()), Ok(()));
        for (change, named) in [
            (
                (|o| o.topic = "a/#".to_owned()) as fn(&mut MqttOptions),
                "topic",
            ),
            (|o| o.topic = String::new(), "topic"),
            (|o| o.topic = "/a".to_owned(), "topic"),
            (|o| o.device = Some("a/b".to_owned()), "device"),
            (|o| o.host = String::new(), "host"),
            (|o| o.port = 0, "port"),
            (|o| o.min_interval_ms = 1, "min_interval_ms"),
            (|o| o.password_file = Some("x".into()), "user"),
        ] {
            let error = check(change).unwrap_err();
            assert!(
                error.starts_with("[mqtt]") && error.contains(named),
                "{error}"
            );
        }
    }
}
