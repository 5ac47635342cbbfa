//! The configuration's `[kiosk]` section.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The page and its API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KioskOptions {
    /// Whether there is a page.
    pub enabled: bool,
    /// Addresses to listen on. One that others than this machine reach needs `token_file`.
    pub bind: Vec<SocketAddr>,
    /// Names by which the device is reached, with a port or for any; its addresses need not be
    /// listed.
    pub hosts: Vec<String>,
    /// File with the token that visitors' pages ask for beyond this machine.
    pub token_file: Option<PathBuf>,
    /// File with the token that the owner's page asks for, everywhere.
    pub owner_token_file: Option<PathBuf>,
    /// The page's language; `auto` is the browser's.
    pub language: String,
    /// Folder with more languages, a JSON file each.
    pub language_dir: Option<PathBuf>,
    /// Whether the page can show the live picture, faces covered.
    pub live_picture: bool,
}

/// The language that is the browser's.
pub const AUTO: &str = "auto";
/// Most addresses and names.
const MAX_LISTED: usize = 8;

impl Default for KioskOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            bind: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            hosts: Vec::new(),
            token_file: None,
            owner_token_file: None,
            language: AUTO.to_owned(),
            language_dir: None,
            live_picture: false,
        }
    }
}

impl KioskOptions {
    /// Checks what the types alone do not say, also that nothing is exposed without a token.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        if self.bind.is_empty() || self.bind.len() > MAX_LISTED {
            let count = self.bind.len();
            return Err(format!(
                "[kiosk] bind names {count} addresses; it must be 1 to {MAX_LISTED}"
            ));
        }
        if self.hosts.len() > MAX_LISTED {
            let count = self.hosts.len();
            return Err(format!(
                "[kiosk] hosts are {count}; they must be at most {MAX_LISTED}"
            ));
        }
        for host in &self.hosts {
            let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
            if host.is_empty() || !host.bytes().all(is_name) {
                return Err(format!(
                    "[kiosk] hosts has \"{host}\"; it must be a name, such as \"mien.local\" or \
                     \"mien.local:8080\""
                ));
            }
        }
        if !crate::kiosk::language::is_name(&self.language) {
            return Err(format!(
                "[kiosk] language is \"{}\"; it must be \"auto\" or a language such as \"de\"",
                self.language
            ));
        }
        let exposed = self.bind.iter().find(|address| !is_local(address));
        match exposed {
            Some(address) if self.token_file.is_none() => Err(format!(
                "[kiosk] bind has {address}, which others than this machine reach; that needs a \
                 token_file (hint: `openssl rand -hex 16 > /etc/mien/kiosk.token; chmod 640 \
                 /etc/mien/kiosk.token`)"
            )),
            _ => Ok(()),
        }
    }
}

/// Whether only this machine reaches an address.
pub fn is_local(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_exposed_without_a_token() {
        assert_eq!(KioskOptions::default().validate(), Ok(()));
        for address in ["0.0.0.0:80", "[::]:8080", "192.168.1.5:8080"] {
            let mut options = KioskOptions::default();
            options.bind.push(address.parse().unwrap());
            let error = options.validate().unwrap_err();
            assert!(
                error.contains(address) && error.contains("token_file"),
                "{error}"
            );
            options.token_file = Some("token".into());
            assert_eq!(options.validate(), Ok(()));
        }
        let mut local = KioskOptions::default();
        for address in ["[::1]:8080", "127.0.0.2:80", "[::ffff:127.0.0.1]:80"] {
            local.bind = vec![address.parse().unwrap()];
            assert_eq!(local.validate(), Ok(()));
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        for (options, named) in [
            (
                KioskOptions {
                    bind: Vec::new(),
                    ..KioskOptions::default()
                },
                "bind names 0",
            ),
            (
                KioskOptions {
                    hosts: vec!["a b".to_owned()],
                    ..KioskOptions::default()
                },
                "hosts has \"a b\"",
            ),
            (
                KioskOptions {
                    language: "../de".to_owned(),
                    ..KioskOptions::default()
                },
                "language is",
            ),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
