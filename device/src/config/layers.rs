//! Where the configuration comes from: files, then environment variables; each layer changes what
//! the ones before it say.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use mien_models::signature::PublicKey;
use toml::{Table, Value};

use super::suggest::with_suggestion;
use super::{Config, ConfigError};

/// Variables that set a key: `MIEN_CONFIG_TRACKING__MEMORY_MS=2000`.
const PREFIX: &str = "MIEN_CONFIG_";
/// Keys that name files; relative ones count from the folder of the file that says so.
const PATHS: [&str; 6] = [
    "model",
    "detector",
    "kiosk.token_file",
    "kiosk.owner_token_file",
    "kiosk.language_dir",
    "mqtt.password_file",
];

/// The places of a system's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The whole machine's, `/etc/mien`: `config.toml`, then `conf.d/*.toml` by name.
    pub system: PathBuf,
    /// The user's file, which may be missing.
    pub user: Option<PathBuf>,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
}

impl Places {
    /// Those of this process.
    pub fn this() -> Self {
        Self {
            system: "/etc/mien".into(),
            user: user_file(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME")),
            // One that is no text names none of our keys; it must not end the program either.
            variables: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .filter(|(name, _)| name.starts_with(PREFIX))
                .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
                .collect(),
        }
    }
}

/// A configuration and where each of its keys was set; a key that is not in `origins` has its
/// default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Dotted key to the file or variable that set it last.
    pub origins: BTreeMap<String, String>,
}

/// Reads all layers. `explicit` takes the place of the system's and the user's files.
///
/// # Errors
/// If a file cannot be read, is not TOML, has an unknown key or a value out of range.
pub fn load(explicit: Option<&Path>, places: &Places) -> Result<Loaded, ConfigError> {
    let mut merged = Merged::default();
    match explicit {
        Some(path) => merged.add_file(path)?,
        None => {
            let mut files = vec![places.system.join("config.toml")];
            files.extend(drop_ins(&places.system.join("conf.d"))?);
            files.extend(places.user.clone());
            for path in files {
                match merged.add_file(&path) {
                    Err(ConfigError::Unreadable { error, .. })
                        if error.kind() == io::ErrorKind::NotFound => {}
                    outcome => outcome?,
                }
            }
        }
    }
    for (name, value) in &places.variables {
        merged.add_variable(name, value)?;
    }
    let config: Config = Value::Table(merged.table)
        .try_into()
        .map_err(|error: toml::de::Error| invalid(&merged.last, &error.to_string()))?;
    config
        .check()
        .map_err(|message| invalid(&merged.last, &message))?;
    Ok(Loaded {
        config,
        origins: merged.origins,
    })
}

fn invalid(place: &str, message: &str) -> ConfigError {
    ConfigError::Invalid {
        place: place.to_owned(),
        message: with_suggestion(message.trim_end()),
    }
}

/// The layers so far.
#[derive(Default)]
struct Merged {
    table: Table,
    origins: BTreeMap<String, String>,
    /// The layer that was added last.
    last: String,
}

impl Merged {
    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let place = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        // By itself first: its errors then name the line.
        let config: Config =
            toml::from_str(&text).map_err(|error| invalid(&place, &error.to_string()))?;
        config
            .check()
            .map_err(|message| invalid(&place, &message))?;
        let mut table: Table =
            toml::from_str(&text).map_err(|error| invalid(&place, &error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for key in PATHS {
            if let Some(Value::String(file)) = value_mut(&mut table, key) {
                *file = folder.join(&*file).display().to_string();
            }
        }
        anchor_keys(&mut table, folder);
        self.add(table, &place);
        Ok(())
    }

    fn add_variable(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let Some(key) = name.strip_prefix(PREFIX) else {
            return Ok(());
        };
        // What is no number, truth value, list or quoted text is text.
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
        let value = parsed
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| Value::String(value.to_owned()));
        let path: Vec<String> = key.to_lowercase().split("__").map(str::to_owned).collect();
        let mut table = Table::new();
        let Some((last, sections)) = path.split_last() else {
            return Ok(());
        };
        let mut inner = &mut table;
        for section in sections {
            let entry = inner.entry(section.clone());
            let Value::Table(next) = entry.or_insert_with(|| Value::Table(Table::new())) else {
                return Ok(());
            };
            inner = next;
        }
        inner.insert(last.clone(), value);
        let alone: Result<Config, _> = Value::Table(table.clone()).try_into();
        alone.map_err(|error: toml::de::Error| invalid(name, &error.to_string()))?;
        self.add(table, name);
        Ok(())
    }

    fn add(&mut self, table: Table, place: &str) {
        for key in keys(&table) {
            self.origins.insert(key, place.to_owned());
        }
        merge(&mut self.table, table);
        place.clone_into(&mut self.last);
    }
}

/// The value of a dotted key.
fn value_mut<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((section, key)) => value_mut(table.get_mut(section)?.as_table_mut()?, key),
    }
}

/// `[updates] trusted_keys` may name files, too.
fn anchor_keys(table: &mut Table, folder: &Path) {
    let updates = table.get_mut("updates").and_then(Value::as_table_mut);
    let keys = updates.and_then(|updates| updates.get_mut("trusted_keys")?.as_array_mut());
    for key in keys.into_iter().flatten() {
        if let Value::String(entry) = key
            && entry.parse::<PublicKey>().is_err()
        {
            *entry = folder.join(&*entry).display().to_string();
        }
    }
}

/// Tables are merged, everything else is replaced.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// All keys with a value, dotted.
pub fn keys(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(keys(inner).iter().map(|below| format!("{key}.{below}")));
            }
            _ => found.push(key.clone()),
        }
    }
    found
}

/// The `.toml` files of a folder by name; none if it is missing.
fn drop_ins(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// XDG Base Directory Specification: a relative `$XDG_CONFIG_HOME` is ignored.
fn user_file(xdg_config_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let folder = xdg_config_home
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| home.map(|home| Path::new(&home).join(".config")))?;
    Some(folder.join("mien/config.toml"))
}
