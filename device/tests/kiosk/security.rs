//! Who is let in, and what browsers are told.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use mien_device::kiosk::KioskError;

use crate::client::{Answer, get, get_with, post, send};
use crate::{OWNER_TOKEN, Setup, Stage, VISITOR_TOKEN};

/// Every address and who may ask for it.
const VISITORS: [&str; 6] = [
    "/",
    "/api/v1/state",
    "/api/v1/counts",
    "/api/v1/about",
    "/api/v1/events",
    "/metrics",
];
const OWNERS: [&str; 3] = ["/owner", "/api/v1/owner", "/api/v1/export"];
const ANYONE: [&str; 5] = [
    "/login",
    "/healthz",
    "/api/v1/texts",
    "/assets/base.css",
    "/assets/inter.otf",
];

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

#[test]
fn nothing_is_exposed_without_a_token() {
    for bind in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut setup = Setup::default();
        setup.options.bind = vec![bind.parse().unwrap()];
        let error = setup.try_start().err().unwrap();
        assert!(matches!(error, KioskError::Options(_)), "{error}");
        assert!(error.to_string().contains("token_file"), "{error}");
    }
    // A token that everybody can read is none.
    let setup = Setup::exposed();
    let path = setup.options.token_file.clone().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = setup.try_start().err().unwrap().to_string();
    assert!(error.contains("644") && error.contains("chmod"), "{error}");
}

#[test]
fn on_this_machine_everyone_is_a_visitor_and_the_owner() {
    let stage = Setup::default().start();
    for path in [&VISITORS[..], &OWNERS, &ANYONE].concat() {
        let status = get(stage.address(), path).status;
        // No frame yet, nothing counted yet.
        let may_fail = ["/healthz", "/api/v1/export"].contains(&path);
        assert!(status == 200 || may_fail, "{path}: {status}");
        assert!(![401, 403].contains(&status), "{path}");
    }
}

#[test]
fn the_owner_s_token_counts_on_this_machine_too() {
    let mut setup = Setup::default();
    setup.options.owner_token_file = Some(setup.token("owner", OWNER_TOKEN));
    let stage = setup.start();
    for path in OWNERS {
        assert_eq!(get(stage.address(), path).status, 401, "{path}");
        let known = get_with(stage.address(), path, &[&bearer(OWNER_TOKEN)]);
        assert_ne!(known.status, 401, "{path}");
    }
    assert_eq!(get(stage.address(), "/").status, 200);
}

#[test]
fn beyond_this_machine_each_part_asks_for_its_token() {
    let stage = Setup::exposed().start();
    let address = stage.address();
    let status = |path, header: &str| get_with(address, path, &[header]).status;
    for path in ANYONE {
        let status = status(path, "x: y");
        assert!(status == 200 || path == "/healthz", "{path}: {status}");
    }
    for path in VISITORS {
        assert_eq!(status(path, "x: y"), 401, "{path}");
        assert_eq!(status(path, &bearer("visitor-0123456780")), 401, "{path}");
        assert_eq!(status(path, &bearer(VISITOR_TOKEN)), 200, "{path}");
        assert_eq!(status(path, &bearer(OWNER_TOKEN)), 200, "{path}");
    }
    for path in OWNERS {
        assert_eq!(status(path, "x: y"), 401, "{path}");
        assert_eq!(status(path, &bearer(VISITOR_TOKEN)), 401, "{path}");
        assert!(
            [200, 404].contains(&status(path, &bearer(OWNER_TOKEN))),
            "{path}"
        );
    }
    for trick in ["//owner", "/owner/", "/./owner", "/%6fwner", "/OWNER"] {
        let answer = get_with(address, trick, &[&bearer(VISITOR_TOKEN)]);
        assert_ne!(answer.status, 200, "{trick}");
    }
}

#[test]
fn without_an_owner_s_token_the_owner_is_at_this_machine_alone() {
    let mut setup = Setup::exposed();
    setup.options.owner_token_file = None;
    // Both: here and for others.
    setup
        .options
        .bind
        .push(SocketAddr::from(([127, 0, 0, 1], 0)));
    let stage = setup.start();
    let elsewhere = get_with(stage.address(), "/owner", &[&bearer(VISITOR_TOKEN)]);
    assert_eq!(elsewhere.status, 403);
    assert!(elsewhere.text().contains("owner_token_file"));
    let here = stage.kiosk.addresses()[1];
    assert_eq!(get(here, "/owner").status, 200);
    assert_eq!(get(here, "/").status, 200, "the screen beside the camera");
    assert_eq!(get(stage.address(), "/").status, 401);
}

fn cookies(answer: &Answer) -> Vec<&str> {
    let set = answer.headers.iter();
    let set = set.filter(|(name, _)| name == "set-cookie");
    set.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn browsers_are_asked_once_and_remember() {
    let stage = Setup::exposed().start();
    let address = stage.address();
    let page = get_with(address, "/owner", &["accept: text/html,*/*"]);
    assert_eq!(page.status, 303);
    assert_eq!(page.header("location"), Some("/login?for=owner"));

    let start = Instant::now();
    let wrong = post(address, "/login", "token=wrong-wrong-wrong-wrong", &[]);
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("That is not the token."));
    assert!(cookies(&wrong).is_empty());
    assert!(start.elapsed().as_millis() >= 500, "guessing is slow");

    // The visitors' one is named, and sets no cookie that would lead here again.
    let form = format!("token={VISITOR_TOKEN}");
    let visitors = post(address, "/login?for=owner", &form, &[]);
    assert_eq!(visitors.status, 401);
    assert!(
        visitors.text().contains("That is the visitors&#39; token"),
        "{}",
        visitors.text()
    );
    assert!(cookies(&visitors).is_empty());

    let form = format!("token={OWNER_TOKEN}");
    let right = post(address, "/login?for=owner", &form, &[]);
    assert_eq!(
        (right.status, right.header("location")),
        (303, Some("/owner"))
    );
    let [cookie] = cookies(&right)[..] else {
        panic!("{right:?}");
    };
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(OWNER_TOKEN), "the token is not kept");
    let pair = cookie.split(';').next().unwrap();
    let with = |path, cookie: &str| {
        let line = format!("cookie: theme=dark; {cookie}");
        get_with(address, path, &[&line]).status
    };
    assert_eq!(with("/owner", pair), 200);
    assert_eq!(with("/", pair), 200);
    assert_eq!(
        with("/owner", &pair.replace("mien_owner", "mien_visitor")),
        401
    );
    assert_eq!(with("/owner", &format!("{pair}0")), 401);
    let other = post(address, "/login", &format!("token={VISITOR_TOKEN}"), &[]);
    let visitor = cookies(&other)[0].split(';').next().unwrap();
    assert_eq!((with("/", visitor), with("/owner", visitor)), (200, 401));

    let left = post(address, "/logout", "", &[]);
    assert_eq!(cookies(&left).len(), 2);
    assert!(cookies(&left).iter().all(|c| c.contains("Max-Age=0")));
    // A form of another site does nothing.
    let foreign = post(address, "/login", &form, &["sec-fetch-site: cross-site"]);
    assert_eq!((foreign.status, cookies(&foreign).len()), (403, 0));
}

#[test]
fn another_site_s_name_is_refused() {
    let mut setup = Setup::default();
    setup.options.hosts = vec!["mien.local".to_owned()];
    let stage = setup.start();
    let address = stage.address();
    let port = address.port();
    let status = |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n");
        send(address, &request).status
    };
    assert_eq!(status(&format!("Host: localhost:{port}"), "/"), 200);
    assert_eq!(status("Host: mien.local", "/"), 200);
    for path in ["/", "/assets/base.css", "/healthz", "/none"] {
        let foreign = format!("Host: evil.example:{port}");
        assert_eq!(status(&foreign, path), 421, "{path}");
    }
    assert_eq!(status("Host: localhost", "/"), 421, "another port");
    let both = format!("Host: {address}\r\nHost: evil.example");
    assert_eq!(status(&both, "/"), 400);
    assert_eq!(status("X: y", "/"), 400, "no host");
    let absolute = format!("http://evil.example:{port}/");
    assert_eq!(status(&format!("Host: {address}"), &absolute), 421);
}

#[test]
fn every_answer_carries_the_security_headers() {
    let stage = Setup::exposed().start();
    let address = stage.address();
    let mut answers = Vec::new();
    for path in [&VISITORS[..], &OWNERS, &ANYONE, &["/none"]].concat() {
        answers.push((path, get(address, path)));
        answers.push((path, get_with(address, path, &[&bearer(OWNER_TOKEN)])));
    }
    let foreign = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    answers.push(("another name", send(address, foreign)));
    for (path, answer) in &answers {
        let header = |name| {
            answer
                .header(name)
                .unwrap_or_else(|| panic!("{path}: {name}"))
        };
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert!(header("permissions-policy").contains("camera=()"));
        assert!(header("cache-control").starts_with("no-"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("server"), None, "{path}");
    }
    // A browser asks before it lets another site's script read: it gets no leave.
    let ask = format!(
        "OPTIONS /api/v1/state HTTP/1.1\r\nHost: {address}\r\nOrigin: http://evil.example\r\n\
         Access-Control-Request-Method: GET\r\n\r\n"
    );
    let answer = send(address, &ask);
    assert_ne!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn only_the_owner_learns_the_settings() {
    let stage: Stage = Setup::default().start();
    for path in VISITORS.iter().filter(|path| !path.ends_with("events")) {
        let answer = get(stage.address(), path);
        assert!(!answer.text().contains("of the owner"), "{path}");
    }
    let owner = get(stage.address(), "/api/v1/owner");
    assert!(owner.text().contains("of the owner"));
}

#[test]
fn an_address_that_is_taken_is_an_error_or_waited_for() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let setup = || {
        let mut setup = Setup::default();
        setup.options.bind = vec![taken];
        setup
    };
    let error = setup().try_start().err().unwrap();
    assert!(matches!(error, KioskError::Bind { .. }), "{error}");
    assert!(error.to_string().contains("hint: [kiosk] bind"), "{error}");
    let patient = setup().try_start_patient(true).unwrap();
    assert!(patient.kiosk.addresses().is_empty());
    drop(holder);
    let end = Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(taken).is_err() {
        assert!(Instant::now() < end, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(get(taken, "/").status, 200);
}

#[test]
fn the_program_says_what_is_wrong_and_ends() {
    let run = |bind: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_mien-device"))
            .args(["run", "--source", "demo", "--frames", "3", "--kiosk"])
            .env("MIEN_CONFIG_KIOSK__BIND", format!("[\"{bind}\"]"))
            .env("MIEN_STATE_DIR", tempfile::tempdir().unwrap().path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = run("0.0.0.0:0");
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("token_file") && said.contains("openssl"),
        "{said}"
    );
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let (code, said) = run(&taken.to_string());
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(&taken.to_string()), "{said}");
    let (code, said) = run("127.0.0.1:0");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("page: http://127.0.0.1:"), "{said}");
}

#[test]
fn the_debug_form_hides_tokens() {
    let setup = Setup::exposed();
    let folder = setup.folder.path().to_owned();
    let stage = setup.start();
    assert!(stage.folder.path() == folder);
    assert!(!format!("{:?}", stage.kiosk).contains(OWNER_TOKEN));
}
