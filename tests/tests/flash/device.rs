//! A device as far as these tests need one: `mien-device` with a state folder, and an sshd with keys
//! of its own in front of it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mien_models::ExpressionModel;
use mien_models::SigningKey;
use mien_models::container::encode;
use mien_models::label::Labels;
use mien_models::procedural::test_model;
use mien_models::signature::{PublicKey, Signature};
use mien_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

/// Most that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The test model with another name for `happy`.
pub fn model(version: u64, happy: &str) -> Vec<u8> {
    let names = ["angry", "disgust", "fear", happy, "sad", "surprise", "calm"];
    let model = ExpressionModel {
        labels: Labels::new(names).unwrap(),
        ..test_model()
    };
    encode(&model, model.model_id(), version).unwrap()
}

/// The key that devices trust from the beginning.
fn owner() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} never came");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A device, its sshd and the host's files.
pub struct Site {
    pub device: Device,
    pub server: SshServer,
    mien: PathBuf,
    sshd: PathBuf,
    folder: TempDir,
}

impl Site {
    /// `None`, with a message, where there is no sshd.
    pub fn new(trial_s: u32) -> Option<Self> {
        let sshd = programs::sshd()?;
        let [mien, program] = programs::both()?;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tmp")).unwrap();
        let device = Device {
            program,
            folder: folder.path().to_owned(),
            state: at("state"),
            trial_s,
            keys: PublicKey::of(&owner()).to_string(),
            run: None,
        };
        for name in ["host_key", "client_key"] {
            make_key(&at(name));
        }
        fs::copy(at("client_key.pub"), at("authorized_keys")).unwrap();
        let server = SshServer::start(&sshd, folder.path(), &device, &[]);
        let host_key = fs::read_to_string(at("host_key.pub")).unwrap();
        fs::write(at("known_hosts"), format!("pi {host_key}")).unwrap();
        let site = Self {
            device,
            server,
            mien,
            sshd,
            folder,
        };
        site.add_host("pi", site.server.port);
        site.add_host("nobody", 1);
        Some(site)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A model by the owner; its name.
    pub fn signed(&self, version: u64) -> String {
        let name = format!("{version}.postcard");
        let file = model(version, "smiling");
        let signature = Signature::sign(&owner(), &file).unwrap();
        self.write(&name, &file);
        self.write(&format!("{name}.sig"), &signature.to_bytes());
        name
    }

    /// A new ssh key; its public half.
    pub fn make_key(&self, name: &str) -> String {
        make_key(&self.path(name));
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap()
    }

    /// Gives the host another name behind which `port` is.
    pub fn add_host(&self, name: &str, port: u16) {
        let folder = self.folder.path().display();
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let config = format!(
            "Host {name}\n HostName 127.0.0.1\n Port {port}\n User {user}\n HostKeyAlias pi\n \
             IdentityFile {folder}/client_key\n IdentitiesOnly yes\n \
             UserKnownHostsFile {folder}/known_hosts\n GlobalKnownHostsFile none\n \
             StrictHostKeyChecking yes\n"
        );
        let path = self.path("ssh_config");
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, before + &config).unwrap();
    }

    /// Starts the sshd anew, with further variables for what it runs.
    pub fn restart_server(&mut self, variables: &[(&str, &str)]) {
        let port = self.server.port;
        self.server = SshServer::start(&self.sshd, self.folder.path(), &self.device, variables);
        let path = self.path("ssh_config");
        let config = fs::read_to_string(&path).unwrap();
        let port = format!("Port {port}\n");
        fs::write(
            path,
            config.replace(&port, &format!("Port {}\n", self.server.port)),
        )
        .unwrap();
    }

    /// `mien flash`, which must end with this code; what it said.
    #[track_caller]
    pub fn flash(&self, arguments: &[&str], code: i32) -> String {
        let output = self.flash_command(arguments).output().unwrap();
        let text = super::text(&output);
        let log = || fs::read_to_string(self.path("sshd.log")).unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "{text}\n{}", log());
        text
    }

    pub fn flash_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.mien);
        command
            .arg("flash")
            .args(arguments)
            .arg("--ssh-config")
            .arg(self.path("ssh_config"))
            .current_dir(self.folder.path());
        if !arguments.contains(&"--device-program") {
            command.arg("--device-program").arg(&self.device.program);
        }
        command
    }

    /// `mien` with these arguments.
    #[track_caller]
    pub fn mien(&self, arguments: &[&str], code: i32) -> String {
        let mut command = Command::new(&self.mien);
        command.args(arguments).current_dir(self.folder.path());
        let output = command.output().unwrap();
        let text = super::text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        text
    }

    /// `mien keygen --install`, on a device with a configuration folder of these tests; `None` where we
    /// are not root.
    pub fn keygen_install(&self, key: &str, code: i32) -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        // In /etc's place.
        let conf = self.path("conf.d");
        fs::create_dir_all(&conf).unwrap();
        let program = self.path("device.sh");
        let written = conf.join("50-trusted-keys.toml");
        let script = format!(
            "#!/bin/sh\nunset MIEN_CONFIG_UPDATES__TRUSTED_KEYS\n[ -e {written} ] || touch {written}\n\
             exec {program} \"$@\" --folder {conf} --config {written}\n",
            program = self.device.program.display(),
            written = written.display(),
            conf = conf.display()
        );
        fs::write(&program, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).unwrap();
        let config = self.path("ssh_config");
        Some(self.mien(
            &[
                "keygen",
                "--out",
                key,
                "--install",
                "pi",
                "--ssh-config",
                config.to_str().unwrap(),
                "--device-program",
                program.to_str().unwrap(),
            ],
            code,
        ))
    }

    /// What transfers have left in the device's temporary folder.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    pub fn wait_for_no_leftovers(&self) {
        wait_for("an empty temporary folder", || {
            self.leftovers().is_empty().then_some(())
        });
    }
}

fn make_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path);
    assert!(command.status().unwrap().success());
}

/// OpenSSH's server on a port of its own.
pub struct SshServer {
    pub port: u16,
    child: Child,
}

impl SshServer {
    fn start(sshd: &Path, folder: &Path, device: &Device, variables: &[(&str, &str)]) -> Self {
        // Free a moment ago; the sshd complains if it is no more.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let at = |name: &str| folder.join(name).display().to_string();
        let tmp = at("tmp");
        let mut environment = vec![("TMPDIR".to_owned(), tmp)];
        environment.extend(device.variables());
        for (name, value) in variables {
            environment.retain(|(other, _)| other != name);
            environment.push(((*name).to_owned(), (*value).to_owned()));
        }
        let environment: Vec<String> = environment
            .iter()
            .map(|(name, value)| format!("\"{name}={value}\""))
            .collect();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\n\
             AuthorizedKeysFile {}\nStrictModes no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin prohibit-password\n\
             MaxStartups 100\nSetEnv {}\n",
            at("host_key"),
            at("authorized_keys"),
            environment.join(" ")
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        if rustix::process::geteuid().is_root() {
            // Where it puts its unprivileged half.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let log = File::create(folder.join("sshd.log")).unwrap();
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stderr(log)
            .spawn()
            .unwrap();
        wait_for("sshd", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { port, child }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `mien-device` with a state folder.
pub struct Device {
    program: PathBuf,
    folder: PathBuf,
    state: PathBuf,
    trial_s: u32,
    keys: String,
    run: Option<Child>,
}

impl Device {
    fn variables(&self) -> Vec<(String, String)> {
        let media = self.folder.join("media");
        [
            ("MIEN_STATE_DIR", self.state.display().to_string()),
            (
                "XDG_CONFIG_HOME",
                self.folder.join("xdg").display().to_string(),
            ),
            (
                "MIEN_CONFIG_UPDATES__TRUSTED_KEYS",
                format!("['{}']", self.keys),
            ),
            ("MIEN_CONFIG_UPDATES__TRIAL_S", self.trial_s.to_string()),
            (
                "MIEN_CONFIG_UPDATES__PICKUP_FOLDERS",
                format!("['{}']", media.display()),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder);
        command
            .envs(self.variables())
            .env_remove("RUNTIME_DIRECTORY");
        command
    }

    /// Before the start: whose models count.
    pub fn trust(&mut self, pem: &str) {
        let key: PublicKey = pem.parse().unwrap();
        self.keys = key.to_string();
    }

    /// Before the start: where models are kept.
    pub fn move_state(&mut self, to: &Path) {
        self.state = to.to_owned();
        fs::create_dir_all(to).unwrap();
    }

    /// Runs on the demo's camera until it is dropped.
    pub fn start(&mut self) {
        let log = File::create(self.folder.join("device.log")).unwrap();
        let mut command = self.command(&["run", "--source", "demo", "--record", "record.ndjson"]);
        self.run = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        wait_for("the device", || {
            self.status()["running"]
                .as_bool()
                .filter(|running| *running)
        });
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.run.take() {
            let id = child.id().to_string();
            assert!(Command::new("kill").arg(id).status().unwrap().success());
            child.wait().unwrap();
        }
    }

    fn status(&self) -> Value {
        let output = self.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    pub fn standing(&self) -> String {
        let status = self.status();
        status["expression"]["standing"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn wait_for_standing(&self, standing: &str) {
        wait_for(standing, || (self.standing() == standing).then_some(()));
    }

    /// The version of the active slot.
    pub fn version(&self) -> Option<u64> {
        let expression = &self.status()["expression"];
        let active = expression["active"].as_str()?;
        expression["slots"][active]["version"].as_u64()
    }

    /// Waits until nothing more happens on the device.
    pub fn settle(&self) {
        let mut last = self.status();
        wait_for("rest", || {
            thread::sleep(Duration::from_millis(700));
            let now = self.status();
            let is_at_rest = now == last;
            last = now;
            is_at_rest.then_some(())
        });
    }

    /// Waits until verdicts come from a model that has this label.
    pub fn wait_for_label(&self, label: &str) {
        wait_for(label, || {
            let record = File::open(self.folder.join("record.ndjson")).ok()?;
            let lines: Vec<String> = BufReader::new(record)
                .lines()
                .map_while(Result::ok)
                .collect();
            let newest = lines.iter().rev().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                line["faces"][0]["probabilities"].as_object().cloned()
            })?;
            newest.contains_key(label).then_some(())
        });
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(child) = &mut self.run {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
