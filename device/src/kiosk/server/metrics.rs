//! Figures for Prometheus, in the OpenMetrics text format.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Site;
use crate::publish::state::Camera;
use crate::thermal;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reads everything anew at each scrape.
#[derive(Debug)]
struct Figures(Arc<Site>);

pub async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let mut registry = Registry::with_prefix("mien");
    registry.register_collector(Box::new(Figures(site)));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Collector for Figures {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let parts = &self.0.parts;
        let state = parts.hub.state();
        let stats = parts.hub.stats().clone();

        let info = ConstGauge::new(1u64);
        let about = parts.hub.about();
        let names = [
            ("version", about.version),
            ("model", about.model.name.as_str()),
        ];
        let mut build =
            to.encode_descriptor("build", "Version and model", None, info.metric_type())?;
        info.encode(build.encode_family(&names)?)?;

        for (name, help, value) in [
            ("frames", "Frames judged", stats.frames),
            (
                "frames_with_face",
                "Frames with a face",
                stats.frames_with_face,
            ),
            (
                "camera_losses",
                "How often the camera was lost",
                stats.camera_losses,
            ),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(to.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }

        let is_up = u64::from(state.camera == Camera::Ok);
        let rate = f64::from(stats.frames_per_s(Instant::now()));
        let uptime_s = self.0.started.elapsed().as_secs_f64();
        let mut gauges = vec![
            ("camera_up", "Whether the camera gives frames", is_up as f64),
            ("faces", "Faces in sight", state.faces.len() as f64),
            ("frames_per_second", "Frames judged a second", rate),
            ("uptime_seconds", "Time since the start", uptime_s),
        ];
        if let Some(celsius) = thermal::hottest_c(Path::new(thermal::SYS)) {
            gauges.push((
                "temperature_celsius",
                "The hottest sensor's",
                f64::from(celsius),
            ));
        }
        if let Some(today) = &parts.today {
            let is_degraded = u64::from(today.get().degraded.is_some());
            let help = "Whether counting is impaired";
            gauges.push(("counting_degraded", help, is_degraded as f64));
        }
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(to.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }

        let now = |label: &str| {
            let shows = |face: &&_| shown(face) == Some(label);
            state.faces.iter().filter(shows).count() as u64
        };
        let labels = about.labels.iter();
        let now: Vec<_> = labels
            .map(|look| (look.name.clone(), now(&look.name)))
            .collect();
        family(
            &mut to,
            "faces_showing",
            "Faces in sight by expression",
            &now,
        )?;
        if let Some(today) = &parts.today {
            let counts = today.get();
            let gauge = ConstGauge::new(counts.visits);
            let help = "Visits since midnight";
            gauge.encode(to.encode_descriptor(
                "visits_today",
                help,
                None,
                gauge.metric_type(),
            )?)?;
            let by_label = counts.expressions.iter();
            let by_label: Vec<_> = by_label.map(|(name, n)| (name.to_owned(), *n)).collect();
            let help = "Visits since midnight by dominant expression";
            family(&mut to, "expressions_today", help, &by_label)?;
        }
        for (index, (stage, _)) in stats.latencies().into_iter().enumerate() {
            let histogram = &stats.histograms()[index];
            let name = format!("{stage}_seconds");
            let help = "Time of the stage a frame, where it had work";
            histogram.encode(to.encode_descriptor(
                &name,
                help,
                None,
                histogram.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

fn shown(person: &crate::publish::state::Person) -> Option<&str> {
    person.expression.as_deref()
}

/// A gauge per expression.
fn family(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(String, u64)],
) -> fmt::Result {
    let kind = ConstGauge::new(0u64).metric_type();
    let mut gauges = to.encode_descriptor(name, help, None, kind)?;
    for (label, value) in values {
        let gauge = ConstGauge::new(*value);
        gauge.encode(gauges.encode_family(&[("expression", label.as_str())])?)?;
    }
    Ok(())
}
