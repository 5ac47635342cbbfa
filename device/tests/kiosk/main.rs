//! The page's server, asked by clients over TCP.

mod api;
mod client;
mod events;
mod export;
#[path = "../shared/judged.rs"]
mod judged;
mod limits;
mod live;
mod security;
mod whole;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use mien_device::card::Card;
use mien_device::counter::today::{Today, TodayCounts};
use mien_device::kiosk::{Kiosk, KioskError, KioskOptions, Limits, Parts};
use mien_device::output::Output as _;
use mien_device::pipeline::exchange::Models;
use mien_device::publish::Hub;
use mien_device::publish::about::About;
use mien_device::publish::publisher::Publisher;
use mien_device::update::status::Latest;
use mien_models::label::Labels;
use tempfile::TempDir;

use judged::judged;

/// The order of FER2013's labels.
const HAPPY: usize = 3;
const SAD: usize = 4;

const VISITOR_TOKEN: &str = "visitor-0123456789";
const OWNER_TOKEN: &str = "owner-0123456789ab";

/// A server with a run that the test plays.
struct Stage {
    kiosk: Kiosk,
    run: Publisher,
    hub: Hub,
    today: Today,
    updates: Latest,
    folder: TempDir,
}

/// What the tests change.
struct Setup {
    options: KioskOptions,
    limits: Limits,
    folder: TempDir,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            options: KioskOptions {
                bind: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
                ..KioskOptions::default()
            },
            limits: Limits::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

/// Models with these labels.
fn models(name: &str, labels: Labels) -> Models {
    let card = Card {
        name: name.to_owned(),
        data: "none".to_owned(),
        date: "2026-01-02".to_owned(),
        licence: "MIT".to_owned(),
        notes: "for tests".to_owned(),
        figures: vec![("public_test_accuracy".to_owned(), 0.5)],
    };
    Models {
        card,
        labels,
        detector: "haar".to_owned(),
    }
}

impl Setup {
    /// Listens where others reach it, with both tokens.
    fn exposed() -> Self {
        let mut setup = Self::default();
        setup.options.bind = vec![SocketAddr::from(([0, 0, 0, 0], 0))];
        setup.options.token_file = Some(setup.token("visitor", VISITOR_TOKEN));
        setup.options.owner_token_file = Some(setup.token("owner", OWNER_TOKEN));
        setup
    }

    fn token(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("counts.db")
    }

    fn try_start(self) -> Result<Stage, KioskError> {
        self.try_start_patient(false)
    }

    fn try_start_patient(self, patient: bool) -> Result<Stage, KioskError> {
        let models = models("test", Labels::fer2013());
        let settings = "secret = \"of the owner\"\n".to_owned();
        let hub = Hub::new(About::new(&models, settings));
        let (today, updates) = (Today::default(), Latest::default());
        let parts = Parts {
            hub: hub.clone(),
            today: Some(today.clone()),
            updates: updates.clone(),
            database: Some(self.database()),
        };
        let kiosk = Kiosk::start(&self.options, parts, self.limits, patient)?;
        Ok(Stage {
            kiosk,
            run: Publisher::new(hub.clone(), &models.labels),
            hub,
            today,
            updates,
            folder: self.folder,
        })
    }

    fn start(self) -> Stage {
        self.try_start().unwrap()
    }
}

impl Stage {
    /// The address to reach it by.
    fn address(&self) -> SocketAddr {
        let port = self.kiosk.addresses()[0].port();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A frame with these expressions.
    fn show(&mut self, sequence: u64, winners: &[Option<usize>]) {
        self.run.show(&judged(sequence, winners)).unwrap();
    }

    fn count(&self, visits: u64) {
        let labels = Labels::fer2013();
        self.today.set(TodayCounts {
            visits,
            expressions: labels.iter().map(|l| (l.to_owned(), visits)).collect(),
            ..TodayCounts::default()
        });
    }
}
