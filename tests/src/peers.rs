//! Other implementations to compare with; see `tests/peers/README.md`.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::shared::required;

/// A Python that has OpenCV.
pub struct Python(OsString);

/// The interpreter `MIEN_PEER_PYTHON`, or `python3`. `None`, with a message, when it does not
/// have OpenCV's cascades.
///
/// # Panics
/// When there is none though `MIEN_REQUIRE_PEERS=1` asks for it.
pub fn python() -> Option<Python> {
    let program = env::var_os("MIEN_PEER_PYTHON").unwrap_or_else(|| "python3".into());
    let probe = Command::new(&program)
        .args(["-c", "import cv2, numpy; cv2.CascadeClassifier"])
        .output();
    if probe.is_ok_and(|output| output.status.success()) {
        return Some(Python(program));
    }
    let message = format!(
        "{} has no OpenCV 4 to compare with (tests/peers/README.md)",
        program.display()
    );
    assert!(!required("MIEN_REQUIRE_PEERS"), "{message}");
    eprintln!("skipped: {message}");
    None
}

/// OpenCV's data set, with the folders `haarcascades` and `lbpcascades`: `MIEN_OPENCV_DATA`, or
/// where Debian's package opencv-data puts it. `None`, with a message, when it is not there.
///
/// # Panics
/// When it is not there though `MIEN_REQUIRE_PEERS=1` asks for it.
pub fn opencv_data() -> Option<PathBuf> {
    let folder = env::var_os("MIEN_OPENCV_DATA").map_or("/usr/share/opencv4".into(), PathBuf::from);
    if folder.join("lbpcascades").is_dir() {
        return Some(folder);
    }
    let message = format!(
        "{} does not hold OpenCV's data set (tests/peers/README.md)",
        folder.display()
    );
    assert!(!required("MIEN_REQUIRE_PEERS"), "{message}");
    eprintln!("skipped: {message}");
    None
}

impl Python {
    /// Gives the request to `tests/peers/<script>` and returns the answer.
    ///
    /// # Errors
    /// When the script fails or does not answer in JSON.
    pub fn ask(&self, script: &str, request: &Value) -> anyhow::Result<Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(script);
        let mut child = Command::new(&self.0)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| path.display().to_string())?;
        // The scripts read all of their input before they answer.
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        stdin.write_all(request.to_string().as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{script}: {}", output.status);
        serde_json::from_slice(&output.stdout).context("the answer is JSON")
    }
}
