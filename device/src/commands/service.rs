//! What systemd is told: that the program is ready, that it goes on, that it ends.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use mien_device::pipeline::Control;
use mien_device::pipeline::health::Checkup;
use sd_notify::NotifyState;

/// Runs `work` and meanwhile feeds systemd's watchdog, if there is one, for as long as every stage
/// advances. Without systemd nothing is told.
pub fn watched<T>(control: &Control, work: impl FnOnce() -> T) -> T {
    notify(&[NotifyState::Ready]);
    let result = match sd_notify::watchdog_enabled() {
        None => work(),
        Some(period) => thread::scope(|scope| {
            let (done, is_done) = mpsc::channel::<()>();
            // Twice as often as asked for, as sd_watchdog_enabled(3) recommends.
            scope.spawn(move || feed(control, period / 2, &is_done));
            let result = work();
            drop(done);
            result
        }),
    };
    notify(&[NotifyState::Stopping]);
    result
}

/// Runs `work`, which takes on another configuration, and tells systemd before and after.
pub fn reloading(work: impl FnOnce()) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
    work();
    notify(&[NotifyState::Ready]);
}

fn feed(control: &Control, period: Duration, is_done: &mpsc::Receiver<()>) {
    let mut checkup = Checkup::new(&control.health);
    while is_done.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
        match checkup.stuck() {
            None => notify(&[NotifyState::Watchdog]),
            // systemd ends a program that it does not hear from, and starts it again.
            Some(stage) => tracing::error!("the {stage} stage does not advance"),
        }
    }
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("systemd cannot be told: {error}");
    }
}
