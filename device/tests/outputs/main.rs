//! Lights, display and programs, on a board without hardware.

mod display;
mod events;
mod exec;
#[path = "../shared/judged.rs"]
mod judged;
mod lights;
mod program;

use mien_device::capture::Loss;

/// A camera that is gone.
fn loss() -> Loss {
    Loss {
        why: "unplugged".to_owned(),
        attempt: 1,
        retry_in_ms: 500,
    }
}

/// The order of FER2013's labels.
const HAPPY: usize = 3;
const SAD: usize = 4;
