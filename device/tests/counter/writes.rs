//! What a run that counts writes: the database and nothing else, and no picture into that.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{ChildStderr, Command, Stdio};
use std::thread;

use mien_device::capture::Source as _;
use mien_device::capture::demo::DemoCamera;

/// Of a short run, and of one long enough to be watched: the demo waits for nobody.
const FRAMES: usize = 75;
const WATCHED_FRAMES: usize = 500;
/// The one of `--source demo`.
const DEMO_SEED: u32 = 1;
/// Bytes in a row that no two pictures share by accident.
const WINDOW: usize = 16;
/// Calls that can change a file, or open one.
const CALLS: &str = "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,sendfile,\
    copy_file_range,splice,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,mknodat,\
    mkdir,mkdirat,truncate,ftruncate,memfd_create,socket";

/// `\x2f\x74…` as bytes.
fn unescape(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok())
        .collect()
}

/// The strings of a line, between quotation marks.
fn strings(line: &str) -> impl Iterator<Item = Vec<u8>> {
    line.split('"').skip(1).step_by(2).map(unescape)
}

/// Whether it is SQLite's.
fn is_database(path: &str, state: &Path) -> bool {
    let database = state.join("counts.db").display().to_string();
    // A journal is used once, while a fresh file is switched to its log.
    ["", "-wal", "-shm", "-journal"]
        .iter()
        .any(|suffix| path == format!("{database}{suffix}"))
}

/// Whether a picture could not do without so many values.
fn has_variety(window: &[u8]) -> bool {
    window.iter().collect::<HashSet<_>>().len() >= 6
}

/// Says why; with `MIEN_REQUIRE_STRACE` that is a failure.
fn skip(why: &str) {
    assert!(std::env::var_os("MIEN_REQUIRE_STRACE").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

/// A run under strace.
struct Traced {
    /// Files that were opened for writing.
    opened: HashSet<String>,
    /// What went into the database's files.
    written: Vec<Vec<u8>>,
}

impl Traced {
    /// Starts `mien-device run` on the demo with more `arguments`, lets `meanwhile` read its messages
    /// and watch, and goes through all that it wrote. `None`, with a word on it, where strace cannot be had.
    fn run(
        root: &Path,
        frames: usize,
        arguments: &[&str],
        meanwhile: impl FnOnce(ChildStderr),
    ) -> Option<Self> {
        let (state, trace) = (root.join("state"), root.join("trace.txt"));
        let traced = Command::new("strace")
            .args(["-f", "-yy", "-xx", "-s", "10000000", "-e"])
            .arg(format!("trace={CALLS}"))
            .arg("-o")
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_mien-device"))
            .args(["run", "--source", "demo", "--frames"])
            .arg(frames.to_string())
            .args(arguments)
            .env("MIEN_STATE_DIR", &state)
            .env("XDG_CONFIG_HOME", root.join("none"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut traced = match traced {
            Ok(traced) => traced,
            Err(error) => {
                skip(&format!("strace cannot be run ({error})"));
                return None;
            }
        };
        meanwhile(traced.stderr.take().unwrap());
        let status = traced.wait().unwrap();
        if fs::metadata(&trace).map_or(0, |trace| trace.len()) == 0 {
            skip("strace may not trace here");
            return None;
        }
        assert!(status.success(), "{status}");
        let is_served = arguments.contains(&"--kiosk");
        Some(Self::read(
            &fs::read_to_string(&trace).unwrap(),
            &state,
            is_served,
        ))
    }

    /// Goes through what strace noted. Nothing but the database may be written, and only where a
    /// page is served may there be sockets.
    fn read(trace: &str, state: &Path, is_served: bool) -> Self {
        let mut written: Vec<Vec<u8>> = Vec::new();
        let mut opened = HashSet::new();
        for line in trace.lines() {
            let Some((call, rest)) = line.split_once('(') else {
                continue;
            };
            let call = call.rsplit(' ').next().unwrap();
            match call {
                "open" | "openat" | "openat2" | "creat" => {
                    let is_for_writing = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
                    if call != "creat" && !is_for_writing.iter().any(|flag| rest.contains(flag)) {
                        continue;
                    }
                    let path = String::from_utf8(strings(rest).next().unwrap()).unwrap();
                    assert!(is_database(&path, state), "opened for writing: {path}");
                    opened.insert(path);
                }
                "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" => {
                    // `5</path/of/the/file>`, or what else it is.
                    let (number, target) = rest.split_once('<').unwrap();
                    let target = target.split_once('>').unwrap().0;
                    let target = match target.contains("\\x") {
                        true => String::from_utf8(unescape(target)).unwrap(),
                        false => target.to_owned(),
                    };
                    if is_database(&target, state) {
                        assert!(!rest.contains("\"..."), "strace cut it short");
                        written.extend(strings(rest));
                    } else {
                        let is_file = target.starts_with('/') && !target.starts_with("/dev/");
                        assert!(
                            !is_file || number == "1" || number == "2",
                            "written: {line}"
                        );
                    }
                }
                "ftruncate" => {
                    assert!(rest.contains("counts.db") || rest.contains("\\x"), "{line}");
                }
                "mkdir" | "mkdirat" => {
                    let path = String::from_utf8(strings(rest).next().unwrap()).unwrap();
                    assert!(state.starts_with(&path), "made: {path}");
                }
                "socket" if is_served => {}
                other => panic!("{other}: {line}"),
            }
        }
        assert!(
            opened.iter().any(|path| path.ends_with("counts.db-wal")),
            "{opened:?}"
        );
        Self { opened, written }
    }

    /// Looks for every piece of `pictures` in what was written; how many pieces there were.
    fn assert_holds_none_of<'a>(&self, pictures: impl Iterator<Item = &'a [u8]>) -> usize {
        let windows: HashSet<&[u8]> = self
            .written
            .iter()
            .flat_map(|bytes| bytes.windows(WINDOW))
            .collect();
        let count = windows.len();
        assert!(count > 1000, "something was written: {count}");
        let mut compared = 0;
        for (index, picture) in pictures.enumerate() {
            for window in picture.chunks_exact(WINDOW).filter(|w| has_variety(w)) {
                assert!(!windows.contains(window), "picture {index}");
                compared += 1;
            }
        }
        compared
    }
}

/// The frames that the demo shows.
fn frames(count: usize) -> Vec<Vec<u8>> {
    let mut camera = DemoCamera::new(DEMO_SEED).unwrap();
    (0..count)
        .map(|_| camera.next_frame().unwrap().unwrap().pixels)
        .collect()
}

#[test]
fn only_the_database_is_written_and_no_picture_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let read_all = |mut messages: ChildStderr| {
        io::copy(&mut messages, &mut io::stderr()).unwrap();
    };
    let Some(traced) = Traced::run(&root, FRAMES, &["--count"], read_all) else {
        return;
    };
    let compared = traced.assert_holds_none_of(frames(FRAMES).iter().map(Vec::as_slice));
    assert!(
        compared > 100_000,
        "{compared} pieces of frames were looked for"
    );
}

/// The same while somebody watches the live picture: what the client got is looked for, too.
#[test]
fn a_live_picture_that_is_watched_is_not_written_either() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let config = root.join("config.toml");
    let text = "[kiosk]\nlive_picture = true\nbind = [\"127.0.0.1:0\"]\n";
    fs::write(&config, text).unwrap();
    let mut pictures = Vec::new();
    let watch = |messages: ChildStderr| {
        let mut lines = BufReader::new(messages).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            rest.split('/').next()?.parse::<SocketAddr>().ok()
        });
        // Nobody else reads them, and a full pipe would stop the run.
        let rest = thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        if let Some(address) = address {
            while let Some(picture) = live_picture(address) {
                pictures.push(picture);
            }
        }
        rest.join().unwrap();
    };
    let config = config.to_str().unwrap();
    let Some(traced) = Traced::run(
        &root,
        WATCHED_FRAMES,
        &["--kiosk", "--config", config],
        watch,
    ) else {
        return;
    };
    assert!(traced.opened.iter().all(|path| path.contains("counts.db")));
    let seen = pictures.iter().filter(|p| p.starts_with(&[0xFF, 0xD8]));
    assert!(seen.count() > 3, "{} answers", pictures.len());
    let frames = frames(WATCHED_FRAMES);
    let both = frames.iter().chain(&pictures).map(Vec::as_slice);
    let compared = traced.assert_holds_none_of(both);
    assert!(compared > 100_000, "{compared} pieces were looked for");
}

/// The body of the next live picture; `None` once the run is over.
fn live_picture(address: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request =
        format!("GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    Some(answer.split_off(end + 4))
}

/// The same search finds a picture that is there.
#[test]
fn the_search_would_find_a_picture() {
    let mut camera = DemoCamera::new(DEMO_SEED).unwrap();
    let frame = camera.next_frame().unwrap().unwrap();
    let mut written = vec![0; 1001];
    written.extend_from_slice(&frame.pixels[5000..6000]);
    let windows: HashSet<&[u8]> = written.windows(WINDOW).collect();
    let pieces = frame.pixels.chunks_exact(WINDOW).filter(|w| has_variety(w));
    assert!(pieces.filter(|piece| windows.contains(*piece)).count() > 10);
}

/// Nor is there a column that could hold one.
#[test]
fn no_column_takes_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    drop(super::made::open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = "
        SELECT t.name || '.' || c.name, c.type, t.strict FROM pragma_table_list t
        JOIN pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, bool>(2)?,
        ))
    });
    let mut texts = Vec::new();
    for column in columns.unwrap() {
        let (name, kind, is_strict) = column.unwrap();
        assert!(
            is_strict,
            "{name}: SQLite keeps to the types of strict tables only"
        );
        match kind.as_str() {
            "INTEGER" | "REAL" => {}
            "TEXT" => texts.push(name),
            other => panic!("{name} is {other}"),
        }
    }
    texts.sort();
    assert_eq!(texts, ["boots.boot_id", "expressions.name"]);
}
