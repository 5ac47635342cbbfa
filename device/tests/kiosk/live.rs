//! The live picture: only where it is allowed, only while it is asked for, never with a face.

use std::thread;
use std::time::{Duration, Instant};

use mien_device::capture::Source as _;
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::picture::{Color, decode};
use mien_device::detect::Detector as _;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::output::Output as _;
use mien_models::cascade::CascadeModel;
use mien_models::embedded;
use mien_models::plane::GrayView;

use crate::client::get;
use crate::{HAPPY, Setup, judged};

#[test]
fn there_is_none_unless_configured() {
    let stage = Setup::default().start();
    assert_eq!(get(stage.address(), "/api/v1/live").status, 404);
    assert!(
        get(stage.address(), "/")
            .text()
            .contains("data-live=\"no\"")
    );
}

#[test]
fn the_picture_has_no_face_left_in_it() {
    let mut setup = Setup::default();
    setup.options.live_picture = true;
    let mut stage = setup.start();
    let address = stage.address();
    let (_, model) = mien_models::container::decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    let mut detector = CascadeDetector::new(&model, CascadeOptions::default()).unwrap();
    let mut count = |pixels: &[u8], width, height| {
        let view = GrayView::packed(pixels, width, height).unwrap();
        detector.detect(&view).unwrap()
    };

    // A frame with one real face.
    let frame = DemoCamera::new(1).unwrap().next_frame().unwrap().unwrap();
    let faces = count(&frame.pixels, frame.width, frame.height);
    assert_eq!(faces.len(), 1);
    let mut judged = judged(1, &[Some(HAPPY)]);
    judged.frame = frame;
    judged.faces[0].detection = faces[0];

    let (answer, pictures) = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let start = Instant::now();
            let mut last = get(address, "/api/v1/live");
            let mut pictures = 1;
            while start.elapsed() < Duration::from_millis(1000) {
                last = get(address, "/api/v1/live");
                pictures += 1;
            }
            (last, pictures)
        });
        while !asking.is_finished() {
            stage.run.show(&judged).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        asking.join().unwrap()
    });
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(
        (5..=12).contains(&pictures),
        "{pictures} pictures in a second"
    );
    let who: serde_json::Value =
        serde_json::from_str(answer.header("x-mien-faces").unwrap()).unwrap();
    assert_eq!(who[0]["expression"], "happy");
    assert!(who[0]["box"]["width"].as_f64().unwrap() > 0.1);

    let picture = decode(&answer.body, Color::Drop).unwrap();
    assert_eq!((picture.width, picture.height), (640, 480));
    let left = count(&picture.gray, picture.width, picture.height);
    assert_eq!(left.len(), 0, "the face is covered");
}

#[test]
fn without_frames_there_is_no_picture() {
    let mut setup = Setup::default();
    setup.options.live_picture = true;
    let stage = setup.start();
    assert_eq!(get(stage.address(), "/api/v1/live").status, 204);
}
