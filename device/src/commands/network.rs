//! Starting what the network reads: the page that `--kiosk` or the configuration asks for, and the
//! broker that is told.

use anyhow::anyhow;
use mien_device::config::Config;
use mien_device::counter;
use mien_device::counter::today::Today;
use mien_device::kiosk::{Kiosk, KioskError, Limits, Parts};
use mien_device::mqtt::{Mqtt, MqttError};
use mien_device::output::Output;
use mien_device::pipeline::exchange::Models;
use mien_device::publish::Hub;
use mien_device::publish::about::About;
use mien_device::publish::publisher::Publisher;
use mien_device::state;
use mien_device::update::status::Latest;

use super::Failure;

/// Page and broker, as long as the run lasts.
pub struct Network {
    publisher: Option<Publisher>,
    _kiosk: Option<Kiosk>,
    _mqtt: Option<Mqtt>,
}

/// What a run knows of itself.
pub struct Run {
    pub models: Models,
    /// Today's counts, if it counts.
    pub today: Option<Today>,
    /// How things are with installed models.
    pub updates: Latest,
}

impl Network {
    /// Starts what is asked for and says where the page is. With `kiosk`, of the command line, an
    /// address that is taken is an error; configured, it is tried again, since a network may come
    /// later than the program.
    pub fn start(config: &Config, kiosk: bool, run: Run) -> Result<Self, Failure> {
        let hub = Hub::new(About::new(&run.models, settings(config)));
        let parts = Parts {
            hub: hub.clone(),
            today: run.today.clone(),
            updates: run.updates,
            database: state::folder(|name| std::env::var_os(name))
                .map(|folder| folder.join(counter::DATABASE)),
        };
        let page = (kiosk || config.kiosk.enabled)
            .then(|| Kiosk::start(&config.kiosk, parts, Limits::default(), !kiosk))
            .transpose()
            .map_err(no_page)?;
        for address in page.iter().flat_map(|page| page.addresses()) {
            eprintln!("page: http://{address}/");
        }
        let mqtt = (config.mqtt.enabled)
            .then(|| Mqtt::start(&config.mqtt, hub.clone(), run.today))
            .transpose()
            .map_err(no_broker)?;
        let is_read = page.is_some() || mqtt.is_some();
        Ok(Self {
            publisher: is_read.then(|| Publisher::new(hub, &run.models.labels)),
            _kiosk: page,
            _mqtt: mqtt,
        })
    }

    /// The configuration that counts from now on, for the owner to read.
    pub fn set_settings(&self, config: &Config) {
        if let Some(publisher) = &self.publisher {
            publisher.hub().set_settings(settings(config));
        }
    }

    /// What is to be shown, if anybody reads it. It never waits.
    pub fn output(&mut self) -> Option<&mut dyn Output> {
        self.publisher
            .as_mut()
            .map(|output| output as &mut dyn Output)
    }
}

fn settings(config: &Config) -> String {
    toml::to_string(config).unwrap_or_default()
}

fn no_page(error: KioskError) -> Failure {
    let is_usage = matches!(
        error,
        KioskError::Options(_) | KioskError::Token { .. } | KioskError::Language { .. }
    );
    let error = anyhow!(error).context("no page");
    if is_usage {
        Failure::Usage(error)
    } else {
        Failure::Nothing(error)
    }
}

fn no_broker(error: MqttError) -> Failure {
    let is_usage = matches!(error, MqttError::Options(_) | MqttError::Password { .. });
    let error = anyhow!(error).context("no broker");
    if is_usage {
        Failure::Usage(error)
    } else {
        Failure::Nothing(error)
    }
}
