//! From frames to page, database and light in one process.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;
use mien_device::board::FakeBoard;
use mien_device::capture::demo::DemoCamera;
use mien_device::classify::Classifier;
use mien_device::counter::clock::SystemClock;
use mien_device::counter::store::{Reader, Span, StoreError};
use mien_device::counter::{Counter, CounterOptions};
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::kiosk::{Kiosk, KioskOptions, Limits, Parts};
use mien_device::output::Output;
use mien_device::output::led::{LedOptions, Leds};
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::exchange::Models;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control, Options};
use mien_device::publish::Hub;
use mien_device::publish::about::About;
use mien_device::publish::publisher::Publisher;
use mien_device::smooth::SmoothingOptions;
use mien_device::track::TrackingOptions;
use mien_models::cascade::CascadeModel;
use mien_models::{ExpressionModel, container, embedded};

use crate::client::{Events, get};

/// Looks at the light of `happy` after each frame.
struct Light<'a> {
    board: &'a FakeBoard,
    happy: usize,
    lit: u32,
}

impl Output for Light<'_> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let shown = judged.faces.first().map(|face| face.shown.label_index);
        let is_happy = shown == Some(Some(self.happy));
        let pin = LedOptions::default().pins["happy"];
        assert_eq!(self.board.wire().pins[&pin] == 1.0, is_happy);
        self.lit += u32::from(is_happy);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_clip_reaches_page_database_and_light() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("counts.db");
    let (_, model) = container::decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    let mut detector = CascadeDetector::new(&model, CascadeOptions::default()).unwrap();
    let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    let mut classifier = Classifier::new(&model).unwrap();
    let labels = classifier.labels().clone();

    let board = FakeBoard::default();
    let mut leds = Leds::new(&board, &LedOptions::default(), &labels).unwrap();
    let options = CounterOptions {
        enabled: true,
        min_dwell_ms: 100,
        commit_interval_s: 1,
        ..CounterOptions::default()
    };
    let clock = Arc::new(SystemClock::new());
    let zone = TimeZone::system();
    let mut counter = Counter::start(&database, options, 1000, &labels, clock, zone).unwrap();
    let today = counter.today();
    let models = Models::of(&classifier, "haar");
    let hub = Hub::new(About::new(&models, String::new()));
    let kiosk_options = KioskOptions {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        ..KioskOptions::default()
    };
    let parts = Parts {
        hub: hub.clone(),
        today: Some(today.clone()),
        updates: Default::default(),
        database: Some(database.clone()),
    };
    let kiosk = Kiosk::start(&kiosk_options, parts, Limits::default(), false).unwrap();
    let address = kiosk.addresses()[0];
    let mut publisher = Publisher::new(hub, &labels);
    let happy = labels.iter().position(|name| name == "happy").unwrap();
    let mut light = Light {
        board: &board,
        happy,
        lit: 0,
    };

    // The demo's first portrait, for two seconds, at a camera's pace.
    let mut source = DemoCamera::new(1).unwrap();
    let run_options = Options {
        frames: Some(45),
        overflow: Overflow::Wait,
        real_time: true,
        tracking: TrackingOptions::default(),
        smoothing: SmoothingOptions::default(),
        shedding: Default::default(),
    };
    let totals = thread::scope(|scope| {
        let page = scope.spawn(|| {
            let mut events = Events::open(address);
            loop {
                let state = events.wait("state");
                if state["faces"][0]["expression"] == "happy" {
                    return;
                }
            }
        });
        let mut outputs: [&mut dyn Output; 4] =
            [&mut publisher, &mut leds, &mut counter, &mut light];
        let totals = pipeline::run(
            &mut source,
            &mut detector,
            &mut classifier,
            &mut outputs,
            &run_options,
            &Control::default(),
        );
        page.join().unwrap();
        totals.unwrap()
    });
    assert_eq!(totals.frames, 45);
    assert!(light.lit > 10, "lit in {} frames", light.lit);

    // All that is left when the run is over: the visits, and the light off.
    drop(counter);
    let mut visits = Vec::new();
    let reader = Reader::open(&database).unwrap();
    let names: Vec<String> = reader.expressions().map(str::to_owned).collect();
    reader
        .visits(Span::default(), |visit| {
            visits.push(visit);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let count = visits.len() as u64;
    assert!((1..=totals.tracks).contains(&count), "{visits:?}");
    assert_eq!(names[visits[0].expression.unwrap()], "happy");
    assert_eq!(today.get().visits, count);
    let lit = board
        .wire()
        .pins
        .values()
        .filter(|level| **level > 0.0)
        .count();
    drop(leds);
    assert!(lit <= 1);
    assert!(board.wire().pins.values().all(|level| *level == 0.0));
    let export = get(address, "/api/v1/export?by=day&format=csv");
    assert_eq!(export.status, 200);
    assert_eq!(get(address, "/api/v1/state").json()["camera"], "ended");
    let counts = get(address, "/api/v1/counts").json();
    assert_eq!(counts["visits"], count);
    // The page is told of the counts, too, within its interval.
    thread::sleep(Duration::from_millis(600));
    let told = Events::open(address).wait("counts");
    assert_eq!(told["expressions"]["happy"], counts["expressions"]["happy"]);
}
