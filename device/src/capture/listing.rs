//! Which cameras and programs there are to get frames from.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Serialize;

use super::child::rpicam;
use super::grab::choose::Offer;

/// A V4L2 device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Camera {
    /// What `--source` takes.
    pub source: String,
    /// The driver's name for it.
    pub name: String,
    /// What it can do; empty with `error`.
    pub formats: Vec<Offer>,
    /// Why its formats are not known.
    pub error: Option<String>,
}

/// A program that gives frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// What `--source` takes.
    pub source: &'static str,
    /// What it is good for.
    pub gives: &'static str,
    /// The program.
    pub program: &'static str,
    /// Where it is; `None` if it is not installed.
    pub path: Option<PathBuf>,
}

/// The folder that describes V4L2 devices.
pub const SYS: &str = "/sys/class/video4linux";

/// The N of each camera's /dev/videoN, ascending. `sys` is [`SYS`].
pub fn numbers(sys: &Path) -> Vec<u32> {
    let entries = fs::read_dir(sys).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| number(entry.file_name().to_str()?))
        // A camera has further devices for what is no picture.
        .filter(|number| {
            let index = sys.join(format!("video{number}/index"));
            fs::read_to_string(index).map_or(true, |index| index.trim() == "0")
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Cameras by number. `sys` is [`SYS`].
pub fn cameras(sys: &Path) -> Vec<Camera> {
    numbers(sys)
        .into_iter()
        .map(|number| {
            let name = fs::read_to_string(sys.join(format!("video{number}/name")));
            let (formats, error) = match formats(number) {
                Ok(formats) => (formats, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            Camera {
                source: format!("camera:{number}"),
                name: name.unwrap_or_default().trim().to_owned(),
                formats,
                error,
            }
        })
        .collect()
}

#[cfg(feature = "camera")]
fn formats(number: u32) -> Result<Vec<Offer>, String> {
    super::grab::offers(number).map_err(|error| error.to_string())
}

#[cfg(not(feature = "camera"))]
fn formats(_: u32) -> Result<Vec<Offer>, String> {
    Err(super::NO_CAMERA_FEATURE.to_owned())
}

/// The N of videoN.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix("video")?.parse().ok()
}

/// The programs, installed or not.
pub fn programs() -> Vec<Program> {
    let rpicam = rpicam::program(path_folders().into_iter());
    vec![
        Program {
            source: "rpicam",
            gives: "cameras on the ribbon cable",
            program: rpicam,
            path: find(rpicam),
        },
        Program {
            source: "FILE|URL",
            gives: "video files and network streams",
            program: "ffmpeg",
            path: find("ffmpeg"),
        },
    ]
}

/// The folders that programs are looked for in.
pub fn path_folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect()
}

fn find(program: &str) -> Option<PathBuf> {
    let candidates = path_folders()
        .into_iter()
        .map(|folder| folder.join(program));
    candidates.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_are_listed_by_number_without_their_side_devices() {
        let sys = tempfile::tempdir().unwrap();
        for (device, index, name) in [
            ("video10", "0\n", "Second\n"),
            ("video9", "0\n", "First\n"),
            ("video11", "1\n", "Second, metadata\n"),
            ("v4l-subdev0", "0\n", "no camera\n"),
        ] {
            let folder = sys.path().join(device);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("index"), index).unwrap();
            fs::write(folder.join("name"), name).unwrap();
        }
        let found = cameras(sys.path());
        let names: Vec<_> = found
            .iter()
            .map(|c| (c.source.as_str(), c.name.as_str()))
            .collect();
        assert_eq!(names, [("camera:9", "First"), ("camera:10", "Second")]);
        assert!(found[0].error.is_some(), "there is no such device here");
        assert!(cameras(Path::new("/does/not/exist")).is_empty());
    }

    #[test]
    fn programs_are_looked_for() {
        assert_eq!(find("no-such-program-anywhere"), None);
        assert!(find("sh").is_some());
        assert_eq!(programs().len(), 2);
    }
}
