//! Sources in child processes: losses, restarts, and nothing left behind.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mien_device::assets;
use mien_device::capture::child::{ChildSource, Encoding, Patience};
use mien_device::capture::supervisor::{Backoff, Supervisor};
use mien_device::capture::video_pipe::Clock;
use mien_device::capture::{CaptureError, Frame, Loss, Source};
use mien_device::classify::Classifier;
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::output::Output;
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::shedding::SheddingOptions;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control, Options};
use mien_device::smooth::SmoothingOptions;
use mien_device::track::TrackingOptions;
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;
use serde_json::Value;

const PATIENCE: Patience = Patience {
    start: Duration::from_secs(20),
    stall: Duration::from_millis(40),
};
const QUICK: Backoff = Backoff {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(2),
};

/// A camera that gives one frame of 4 x 2 pixels and then does `then`.
fn camera(then: &'static str, stop: Arc<AtomicBool>) -> Supervisor {
    let stopped = Arc::clone(&stop);
    let open = Box::new(move || {
        let mut command = Command::new("sh");
        let script = format!("printf 'YUV4MPEG2 W4 H2 Cmono\\nFRAME\\nabcdefgh'; {then}");
        command.args(["-c", &script]);
        let encoding = Encoding::Yuv4Mpeg2(Clock::Arrival);
        let child = ChildSource::start(command, encoding, PATIENCE, Arc::clone(&stopped))?;
        Ok(Box::new(child) as Box<dyn Source>)
    });
    Supervisor::new(open, QUICK, stop, 1)
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_losses_leave_nothing_behind() {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    // A child belongs to the thread that started it.
    let children = || {
        let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
        let of_threads = threads.map(|thread| {
            let children = fs::read_to_string(thread.path().join("children"));
            children.map_or(0, |pids| pids.split_whitespace().count())
        });
        of_threads.sum::<usize>()
    };
    // Of the whole process, so this test has one to itself: see `alone`.
    if !alone("a_hundred_losses_leave_nothing_behind") {
        return;
    }
    let census = || [count("/proc/self/fd"), count("/proc/self/task"), children()];
    let before = census();
    for then in ["exit 1", "exec sleep 60"] {
        let mut camera = camera(then, Arc::default());
        for sequence in 0..50 {
            let frame = camera.next_frame().unwrap().unwrap();
            assert_eq!((frame.sequence, frame.pixels[0]), (sequence, b'a'));
            let error = camera.next_frame().unwrap_err();
            assert!(matches!(error, CaptureError::Lost(Loss { attempt: 1, .. })));
        }
    }
    assert_eq!(census(), before, "file descriptors, threads, children");
    let mut camera = camera("exec sleep 60", Arc::default());
    camera.next_frame().unwrap();
    assert_eq!(census()[2], before[2] + 1, "a running child is counted");
}

/// Runs the calling test alone in a process; `false` in the process that did so.
fn alone(test: &str) -> bool {
    const KEY: &str = "MIEN_TEST_ALONE";
    if std::env::var_os(KEY).is_some() {
        return true;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(KEY, "1")
        .status()
        .unwrap();
    assert!(status.success());
    false
}

/// Finds nobody.
struct NoFace;

impl Detector for NoFace {
    fn detect_into(
        &mut self,
        _: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        Ok(())
    }

    fn name(&self) -> &str {
        "none"
    }
}

/// Notes what outputs are told, and stops the run after some losses.
struct Notes {
    told: Vec<String>,
    losses: u32,
    stop: Arc<AtomicBool>,
}

impl Output for Notes {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.told.push(format!("frame {}", judged.frame.sequence));
        Ok(())
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        assert!(loss.why.contains("exit status: 1"), "{loss}");
        self.told.push("lost".to_owned());
        self.losses -= 1;
        if self.losses == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn outputs_learn_of_losses_in_their_place() {
    let control = Control::default();
    let mut source = camera("exit 1", Arc::clone(&control.stop));
    let mut classifier = Classifier::new(&test_model()).unwrap();
    let mut notes = Notes {
        told: Vec::new(),
        losses: 3,
        stop: Arc::clone(&control.stop),
    };
    let options = Options {
        frames: None,
        overflow: Overflow::Wait,
        real_time: false,
        tracking: TrackingOptions::default(),
        smoothing: SmoothingOptions::default(),
        shedding: SheddingOptions::OFF,
    };
    let totals = pipeline::run(
        &mut source,
        &mut NoFace,
        &mut classifier,
        &mut [&mut notes],
        &options,
        &control,
    )
    .unwrap();
    let begin = ["frame 0", "lost", "frame 1", "lost", "frame 2", "lost"];
    assert_eq!(notes.told[..6], begin);
    assert_eq!(
        totals.camera_losses as usize + totals.frames as usize,
        notes.told.len()
    );
}

#[test]
fn a_changed_resolution_is_taken_over() {
    let mut sizes = [[4, 2], [2, 2]].into_iter();
    let open = Box::new(move || {
        let [width, height] = sizes.next().unwrap_or([1, 1]);
        let mut command = Command::new("sh");
        let script = format!(
            "printf 'YUV4MPEG2 W{width} H{height} Cmono\\nFRAME\\nabcdefgh' | head -c {}",
            28 + 6 + width * height
        );
        command.args(["-c", &script]);
        let encoding = Encoding::Yuv4Mpeg2(Clock::Arrival);
        let child = ChildSource::start(command, encoding, PATIENCE, Arc::default())?;
        Ok(Box::new(child) as Box<dyn Source>)
    });
    let mut camera = Supervisor::new(open, QUICK, Arc::default(), 1);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match camera.next_frame() {
            Ok(Some(Frame { width, height, .. })) => seen.push([width, height]),
            Err(CaptureError::Lost(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [[4, 2], [2, 2]]);
}

fn device(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Whether ffmpeg is installed; if not, says what is skipped.
fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: ffmpeg is not installed");
    }
    found
}

#[test]
fn a_video_file_is_a_source() {
    let folder = tempfile::tempdir().unwrap();
    if !has_ffmpeg() {
        return;
    }
    fs::write(folder.path().join("face.jpg"), assets::PORTRAITS[0].jpeg).unwrap();
    let made = Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-nostdin",
            "-loop",
            "1",
            "-framerate",
            "25",
        ])
        .args([
            "-i",
            "face.jpg",
            "-frames:v",
            "30",
            "-c:v",
            "mjpeg",
            "-q:v",
            "3",
            "visit.avi",
        ])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(made.success());
    let arguments = ["run", "--source", "visit.avi", "--record", "out.ndjson"];
    let (code, stdout, stderr) = device(&arguments, folder.path());
    assert_eq!(code, 0, "{stdout}{stderr}");
    let totals: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&totals["frames"], &totals["tracks"]),
        (&30.into(), &1.into()),
        "{totals}"
    );
    let record = fs::read_to_string(folder.path().join("out.ndjson")).unwrap();
    let last: Value = serde_json::from_str(record.lines().last().unwrap()).unwrap();
    assert_eq!(
        last["timestamp_ms"],
        29 * 40,
        "the file's own pace, however fast it was read"
    );

    fs::write(folder.path().join("noise.mp4"), [7; 5000]).unwrap();
    let (code, _, stderr) = device(&["run", "--source", "noise.mp4"], folder.path());
    assert_eq!(code, 3, "{stderr}");
    assert!(
        stderr.contains("ffmpeg: it ended with") && stderr.contains("noise.mp4"),
        "{stderr}"
    );
}

#[test]
fn sources_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, _) = device(&["sources", "--json"], folder.path());
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["cameras"].is_array());
    assert_eq!(report["programs"][1]["program"], "ffmpeg");
    let (_, stdout, _) = device(&["sources"], folder.path());
    assert!(
        stdout.contains("demo") && stdout.contains("ffmpeg"),
        "{stdout}"
    );
}

#[cfg(not(feature = "camera"))]
#[test]
fn a_program_without_cameras_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = device(&["run", "--source", "camera"], folder.path());
    assert_eq!(code, 3);
    assert!(
        stderr.contains("--features camera") && stderr.contains("ffmpeg"),
        "{stderr}"
    );
    let (code, _, stderr) = device(&["run", "--source", "camera:x"], folder.path());
    assert_eq!(code, 2, "{stderr}");
}

#[cfg(feature = "camera")]
#[test]
fn a_camera_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(["run", "--source", "camera:987"])
        .env("XDG_CONFIG_HOME", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = io::BufRead::lines(io::BufReader::new(child.stdout.take().unwrap()));
    let line = lines.next().unwrap().unwrap();
    assert!(
        line.contains("/dev/video987") && line.contains("mien-device sources"),
        "{line}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// systemd's part: a socket that hears what the program says of itself.
#[cfg(target_os = "linux")]
#[test]
fn systemd_hears_that_it_is_ready_goes_on_and_stops() {
    use std::os::unix::net::UnixDatagram;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mien-device"))
        .args(["run", "--source", "demo"])
        .env("XDG_CONFIG_HOME", folder.path())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let hear = || {
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!([hear(), hear()], ["WATCHDOG=1", "WATCHDOG=1"]);
    let terminated = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(terminated.success());
    let last = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    assert!(child.wait().unwrap().success());
}
