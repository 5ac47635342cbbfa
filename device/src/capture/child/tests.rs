use std::fs;
use std::sync::atomic::Ordering;

use super::*;

const PATIENCE: Patience = Patience {
    start: Duration::from_secs(20),
    stall: Duration::from_millis(300),
};

fn shell(script: &str) -> ChildSource {
    shell_until(script, PATIENCE, Arc::default())
}

fn shell_until(script: &str, patience: Patience, stop: Arc<AtomicBool>) -> ChildSource {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    ChildSource::start(command, Encoding::Yuv4Mpeg2(Clock::Arrival), patience, stop).unwrap()
}

const TWO: &str = "printf 'YUV4MPEG2 W3 H1 Cmono\\nFRAME\\nabcFRAME\\nxyz'";

#[test]
fn frames_come_until_the_child_ends() {
    let mut source = shell(TWO);
    assert_eq!(source.next_frame().unwrap().unwrap().pixels, b"abc");
    assert_eq!(source.next_frame().unwrap().unwrap().pixels, b"xyz");
    assert!(source.next_frame().unwrap().is_none());
}

#[test]
fn a_frame_in_pieces_is_whole() {
    let mut source = shell(
        "printf 'YUV4MPEG2 W3 H1 C'; sleep 0.1; printf 'mono\\nFRAME\\na'; sleep 0.1; printf bc",
    );
    assert_eq!(source.next_frame().unwrap().unwrap().pixels, b"abc");
}

#[test]
fn a_failing_child_is_quoted() {
    let mut source = shell("echo 'bad things' >&2; echo 'no such camera' >&2; exit 3");
    let error = source.next_frame().unwrap_err().to_string();
    assert!(
        error.starts_with("sh: it ended with exit status: 3") && error.ends_with("no such camera"),
        "{error}"
    );
    let mut source = shell(&format!("{TWO}; kill -9 $$"));
    source.next_frame().unwrap();
    source.next_frame().unwrap();
    let error = source.next_frame().unwrap_err().to_string();
    assert!(error.contains("signal: 9"), "{error}");
}

#[test]
fn silence_is_an_error_also_when_bytes_trickle() {
    for script in [
        format!("{TWO}; sleep 60"),
        format!("{TWO}; while :; do printf F; sleep 0.05; done"),
    ] {
        let mut source = shell(&script);
        source.next_frame().unwrap();
        source.next_frame().unwrap();
        let start = Instant::now();
        let error = source.next_frame().unwrap_err().to_string();
        assert!(error.contains("no frame for 300 ms"), "{error}");
        assert!(start.elapsed() >= PATIENCE.stall);
    }
}

#[test]
fn talkative_children_do_not_block() {
    let noise = "i=0; while [ $i -lt 3000 ]; do echo 'warning: something is not as it was' >&2; \
                 i=$((i+1)); done";
    let mut source = shell(&format!("{noise}; {TWO}; {noise}; exit 1"));
    assert_eq!(source.next_frame().unwrap().unwrap().pixels, b"abc");
    source.next_frame().unwrap();
    let error = source.next_frame().unwrap_err().to_string();
    assert!(
        error.ends_with("said: warning: something is not as it was"),
        "{error}"
    );
}

#[test]
fn stopping_ends_a_waiting_read() {
    let stop = Arc::new(AtomicBool::new(false));
    let patience = Patience {
        stall: Duration::from_secs(60),
        ..PATIENCE
    };
    let mut source = shell_until("sleep 60", patience, Arc::clone(&stop));
    let setter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(source.next_frame().unwrap().is_none());
    setter.join().unwrap();
}

#[test]
fn a_dropped_child_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let script = format!("echo $$ > {}; {TWO}; exec sleep 60", path.display());
    let mut source = shell(&script);
    source.next_frame().unwrap();
    let pid = fs::read_to_string(&path).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    #[cfg(target_os = "linux")]
    assert!(process.exists());
    drop(source);
    assert!(!process.exists(), "killed, and waited for");
}

#[test]
fn what_is_not_installed_is_named() {
    let start = |program: &str| {
        let command = Command::new(format!("/does/not/exist/{program}"));
        match ChildSource::start(
            command,
            Encoding::Yuv4Mpeg2(Clock::Arrival),
            PATIENCE,
            Arc::default(),
        ) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{program} was started"),
        }
    };
    let error = start("ffmpeg");
    assert!(error.contains("apt install ffmpeg"), "{error}");
    assert!(start("rpicam-vid").contains("apt install rpicam-apps"));
    assert!(start("other").contains("other is not installed"));
}

#[test]
fn headerless_frames_have_the_size_that_was_asked_for() {
    let mut command = Command::new("sh");
    command.args(["-c", "printf 'abcdefuvABCDEFuv'"]);
    let encoding = Encoding::Yuv420([3, 2]);
    let mut source = ChildSource::start(command, encoding, PATIENCE, Arc::default()).unwrap();
    // 3 x 2: two planes of 2 x 1 follow the luma, so that a frame has ten bytes.
    let frame = source.next_frame().unwrap().unwrap();
    assert_eq!((frame.width, frame.height), (3, 2));
    assert_eq!(frame.pixels, b"abcdef");
    assert!(
        source.next_frame().unwrap().is_none(),
        "the second is cut off"
    );
}
