//! What a run that counts writes: the database and nothing else, and no picture into that.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use mien_device::capture::Source as _;
use mien_device::capture::demo::DemoCamera;

const FRAMES: usize = 75;
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

#[test]
fn only_the_database_is_written_and_no_picture_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (state, trace) = (root.join("state"), root.join("trace.txt"));
    let traced = Command::new("strace")
        .args(["-f", "-yy", "-xx", "-s", "10000000", "-e"])
        .arg(format!("trace={CALLS}"))
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_mien-device"))
        .args([
            "run",
            "--count",
            "--source",
            "demo",
            "--frames",
            &FRAMES.to_string(),
        ])
        .env("MIEN_STATE_DIR", &state)
        .env("XDG_CONFIG_HOME", root.join("none"))
        .output();
    let traced = match traced {
        Ok(traced) => traced,
        Err(error) => return skip(&format!("strace cannot be run ({error})")),
    };
    if fs::metadata(&trace).map_or(0, |trace| trace.len()) == 0 {
        return skip("strace may not trace here");
    }
    assert!(
        traced.status.success(),
        "{}",
        String::from_utf8_lossy(&traced.stderr)
    );

    let text = fs::read_to_string(&trace).unwrap();
    let mut written: Vec<Vec<u8>> = Vec::new();
    let mut opened = HashSet::new();
    for line in text.lines() {
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
                assert!(is_database(&path, &state), "opened for writing: {path}");
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
                if is_database(&target, &state) {
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
            "ftruncate" => assert!(rest.contains("counts.db") || rest.contains("\\x"), "{line}"),
            "mkdir" | "mkdirat" => {
                let path = String::from_utf8(strings(rest).next().unwrap()).unwrap();
                assert!(state.starts_with(&path), "made: {path}");
            }
            other => panic!("{other}: {line}"),
        }
    }
    assert!(
        opened.iter().any(|path| path.ends_with("counts.db-wal")),
        "{opened:?}"
    );

    let windows: HashSet<&[u8]> = written
        .iter()
        .flat_map(|bytes| bytes.windows(WINDOW))
        .collect();
    assert!(
        windows.len() > 1000,
        "something was written: {}",
        windows.len()
    );
    let mut camera = DemoCamera::new(DEMO_SEED).unwrap();
    let mut compared = 0;
    for _ in 0..FRAMES {
        let frame = camera.next_frame().unwrap().unwrap();
        for window in frame.pixels.chunks_exact(WINDOW).filter(|w| has_variety(w)) {
            assert!(!windows.contains(window), "frame {}", frame.sequence);
            compared += 1;
        }
    }
    assert!(
        compared > 100_000,
        "{compared} pieces of frames were looked for"
    );
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
