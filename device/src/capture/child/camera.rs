//! USB cameras, grabbed by a child of our own: `mien-device grab`.

use std::io;
use std::process::Command;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "grab";

/// This program again, grabbing from camera `index` (the N of /dev/videoN) in about `size`,
/// `[width, height]` in pixels.
pub fn command(index: u32, size: [u32; 2], frames_per_s: u32) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(SUBCOMMAND)
        .args(["--camera", &index.to_string()])
        .args(["--width", &size[0].to_string()])
        .args(["--height", &size[1].to_string()])
        .args(["--frames-per-s", &frames_per_s.to_string()]);
    Ok(command)
}
