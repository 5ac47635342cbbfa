//! Cameras on the ribbon cable, through libcamera's own program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program's name today and on systems before 2024.
const PROGRAMS: [&str; 2] = ["rpicam-vid", "libcamera-vid"];

/// Rows of uncompressed frames are padded to this many pixels, so widths are multiples of it.
pub const WIDTH_STEP: u32 = 64;

/// The newest of the programs that is installed; without one the first, whose absence is then the
/// error. `folders` are those to look in, as `PATH` lists them.
pub fn program(folders: impl Iterator<Item = PathBuf>) -> &'static str {
    let folders: Vec<PathBuf> = folders.collect();
    let is_there = |name: &&str| folders.iter().any(|folder| folder.join(name).is_file());
    PROGRAMS.into_iter().find(is_there).unwrap_or(PROGRAMS[0])
}

/// The program writing uncompressed frames of `size`, `[width, height]` in pixels, at
/// `frames_per_s`. The width is taken down to a multiple of [`WIDTH_STEP`], the height to an even
/// number; returns the size with the command.
pub fn command(program: &str, size: [u32; 2], frames_per_s: u32) -> (Command, [u32; 2]) {
    let width = (size[0] / WIDTH_STEP).max(1) * WIDTH_STEP;
    let height = (size[1] / 2).max(1) * 2;
    let mut command = Command::new(Path::new(program));
    command
        .args(["--nopreview", "--timeout", "0", "--codec", "yuv420"])
        .args(["--verbose", "0"])
        .args([
            "--width",
            &width.to_string(),
            "--height",
            &height.to_string(),
        ])
        .args(["--framerate", &frames_per_s.to_string(), "--output", "-"]);
    (command, [width, height])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_program_is_the_second_choice() {
        let folder = tempfile::tempdir().unwrap();
        let path = || [folder.path().to_owned()].into_iter();
        assert_eq!(program(path()), "rpicam-vid");
        std::fs::write(folder.path().join("libcamera-vid"), b"").unwrap();
        assert_eq!(program(path()), "libcamera-vid");
        std::fs::write(folder.path().join("rpicam-vid"), b"").unwrap();
        assert_eq!(program(path()), "rpicam-vid");
    }

    #[test]
    fn sizes_fit_the_padding() {
        assert_eq!(command("rpicam-vid", [640, 480], 30).1, [640, 480]);
        assert_eq!(command("rpicam-vid", [700, 481], 30).1, [640, 480]);
        assert_eq!(command("rpicam-vid", [10, 1], 30).1, [64, 2]);
        let (command, _) = command("rpicam-vid", [640, 480], 30);
        let arguments: Vec<_> = command.get_args().collect();
        assert!(arguments.windows(2).any(|pair| pair == ["--width", "640"]));
        assert_eq!(arguments.last().unwrap(), &"-");
    }
}
