//! What programs read; docs/api.md shows the same JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use mien_device::capture::Loss;
use mien_device::output::Output as _;
use mien_device::update::UpdateOptions;
use mien_device::update::check::Rules;
use mien_device::update::record::{Entry, Fault, FileKind, Record, Role};
use mien_device::update::status::status;
use serde_json::Value;

use crate::client::get;
use crate::{HAPPY, SAD, Setup, Stage};

#[test]
fn json_stays_as_it_is() {
    let mut stage = Setup::default().start();
    let address = stage.address();
    stage.count(3);
    let json = |path| {
        let answer = get(address, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    };
    insta::assert_json_snapshot!("state_starting", json("/api/v1/state"));
    stage.show(1, &[Some(HAPPY), None]);
    insta::assert_json_snapshot!("state", json("/api/v1/state"));
    insta::assert_json_snapshot!("counts", json("/api/v1/counts"));
    insta::assert_json_snapshot!("about", json("/api/v1/about"));
    let mut owner = json("/api/v1/owner");
    for changing in ["uptime_s", "frames_per_s", "temperature_c"] {
        assert!(owner.get(changing).is_some(), "{owner}");
        owner[changing] = Value::Null;
    }
    insta::assert_json_snapshot!("owner", owner);
}

/// What an owner asks of `mien-device status`.
#[test]
fn the_owner_sees_where_the_models_come_from() {
    let stage = Setup::default().start();
    let updates = || get(stage.address(), "/api/v1/owner").json()["updates"].clone();
    assert_eq!(updates(), Value::Null, "nothing is known yet");
    let entry = |version| Entry {
        kind: FileKind::Expression,
        version,
        model_id: "00".to_owned(),
        sha256: "11".to_owned(),
        bytes: 9,
        signed_by: None,
    };
    let options = UpdateOptions::default();
    let mut rules = Rules::default();
    let mut record = Record::default();
    record.expression.begin_trial(entry(2), 1);
    record.expression.roll_back(Some(Fault::Stall));
    let healthy = BTreeMap::from([(Role::Expression, Duration::from_secs(12))]);
    let set = |record: &Record, rules: &Rules| {
        let status = status(record, rules, &options, Some(&healthy));
        stage.updates.set(status);
    };
    set(&record, &rules);
    insta::assert_json_snapshot!("updates_rolled_back", updates());
    record.expression.begin_trial(entry(3), 1);
    set(&record, &rules);
    insta::assert_json_snapshot!("updates_on_trial", updates());
    record.expression.confirm();
    set(&record, &rules);
    assert_eq!(updates()["expression"]["standing"], "confirmed");
    assert_eq!(updates()["expression"]["trial"], Value::Null);
    // What the configuration names runs instead.
    rules.named_elsewhere.insert(Role::Expression);
    set(&record, &rules);
    let expression = &updates()["expression"];
    assert_eq!(
        (&expression["standing"], &expression["version"]),
        (&"named".into(), &Value::Null)
    );
}

#[test]
fn a_lost_camera_is_told_and_only_the_owner_is_told_why() {
    let mut stage = Setup::default().start();
    let address = stage.address();
    assert_eq!(get(address, "/healthz").status, 503, "no frame yet");
    stage.show(1, &[Some(SAD)]);
    assert_eq!(get(address, "/healthz").text(), "camera ok\n");
    let loss = Loss {
        why: "/dev/video7 was unplugged".to_owned(),
        attempt: 2,
        retry_in_ms: 500,
    };
    stage.run.lost(&loss).unwrap();
    let health = get(address, "/healthz");
    assert_eq!((health.status, health.text()), (503, "camera lost\n"));
    let state = get(address, "/api/v1/state");
    assert_eq!(state.json()["camera"], "lost");
    assert_eq!(state.json()["faces"].as_array().unwrap().len(), 0);
    assert!(!state.text().contains("video7"));
    let owner = get(address, "/api/v1/owner").json();
    assert_eq!(owner["loss"]["why"], "/dev/video7 was unplugged");
    // An attempt that failed is no other loss.
    stage
        .run
        .lost(&Loss {
            attempt: 3,
            ..loss.clone()
        })
        .unwrap();
    let losses =
        |stage: &Stage| get(stage.address(), "/api/v1/owner").json()["camera_losses"].clone();
    assert_eq!(
        (owner["camera_losses"].clone(), losses(&stage)),
        (1.into(), 1.into())
    );
    stage.show(2, &[]);
    stage.run.lost(&Loss { attempt: 1, ..loss }).unwrap();
    assert_eq!(losses(&stage), 2);
    stage.show(3, &[]);
    assert_eq!(get(address, "/healthz").status, 200);
    assert_eq!(get(address, "/api/v1/owner").json()["loss"], Value::Null);
}

#[test]
fn prometheus_reads_the_figures() {
    let mut stage = Setup::default().start();
    stage.count(12);
    stage.show(1, &[Some(HAPPY), Some(HAPPY)]);
    stage.show(2, &[]);
    let answer = get(stage.address(), "/metrics");
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text();
    for line in [
        "mien_build{version=\"0.1.0\",model=\"test\"} 1",
        "mien_frames_total 2",
        "mien_frames_with_face_total 1",
        "mien_camera_up 1.0",
        "mien_faces_showing{expression=\"happy\"} 0",
        "mien_visits_today 12",
        "mien_expressions_today{expression=\"sad\"} 12",
        "mien_classify_seconds_count 1",
        "mien_counting_degraded 0.0",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
}

#[test]
fn the_pages_are_whole_and_in_the_visitors_language() {
    use crate::client::get_with;
    let stage = Setup::default().start();
    let address = stage.address();
    let page = get_with(address, "/", &["accept-language: de-DE,de;q=0.9"]);
    assert!(page.text().contains("<html lang=\"de\">"));
    assert!(page.text().contains("Geschätzt wird der Ausdruck"));
    assert!(!page.text().contains("{{"));
    let page = get_with(address, "/?lang=en", &["accept-language: de"]);
    assert!(page.text().contains("<html lang=\"en\">"));
    // Whatever a page names is there.
    for path in ["/", "/owner", "/login"] {
        let page = get(address, path);
        assert_eq!(page.status, 200, "{path}");
        let mut files = 0;
        for part in page.text().split("\"/assets/").skip(1) {
            let file = part.split('"').next().unwrap();
            let answer = get(address, &format!("/assets/{file}"));
            assert_eq!(answer.status, 200, "{file}");
            assert!(answer.body.len() > 100, "{file} is empty");
            files += 1;
        }
        assert!(files >= 3, "{path}");
    }
    let texts = get(address, "/api/v1/texts?lang=de").json();
    assert_eq!(texts["texts"]["expression.happy"], "fröhlich");
    assert_eq!(texts["languages"]["en"], "English");
    for path in ["/assets/../Cargo.toml", "/assets/nothing.js", "/none"] {
        assert_eq!(get(address, path).status, 404, "{path}");
    }
}

#[test]
fn the_dashboard_asks_for_figures_that_exist() {
    let mut stage = Setup::default().start();
    stage.count(1);
    stage.show(1, &[Some(HAPPY)]);
    let figures = get(stage.address(), "/metrics");
    let dashboard = include_str!("../../packaging/grafana.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let start = expression.find("mien_").unwrap();
            let name = expression[start..].split('{').next().unwrap();
            // A machine without a sensor has none.
            let is_there = name == "mien_temperature_celsius"
                || figures.text().lines().any(|line| {
                    line.starts_with(&format!("{name} ")) || line.starts_with(&format!("{name}{{"))
                });
            assert!(is_there, "{name}");
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked}");
}
