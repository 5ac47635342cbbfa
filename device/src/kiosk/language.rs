//! The page's languages: files of texts inside the program, and the owner's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::KioskError;
use super::options::AUTO;

/// Texts by their keys.
pub type Texts = BTreeMap<String, String>;

/// The language whose file has every text.
const FALLBACK: &str = "en";
const BUNDLED: [(&str, &str); 2] = [
    ("en", include_str!("assets/lang/en.json")),
    ("de", include_str!("assets/lang/de.json")),
];
/// Largest file, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// All languages there are.
#[derive(Clone, Debug)]
pub struct Languages {
    texts: BTreeMap<String, Texts>,
    configured: String,
}

/// Whether this may be a language's name: `de`, `pt-BR`.
pub fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (2..=16).contains(&name.len()) && name.bytes().all(is_part)
}

impl Languages {
    /// The bundled languages and those of `folder`, a file NAME.json each; what a file leaves out
    /// is English. `configured` is a language or `auto`.
    ///
    /// # Errors
    /// If the folder or a file cannot be read, or there is no such language.
    pub fn load(folder: Option<&Path>, configured: &str) -> Result<Self, KioskError> {
        let mut texts = BTreeMap::new();
        for (name, json) in BUNDLED {
            texts.insert(name.to_owned(), parse(Path::new(name), json)?);
        }
        if let Some(folder) = folder {
            let refuse = |error: std::io::Error| refused(folder, &error.to_string());
            for entry in fs::read_dir(folder).map_err(refuse)? {
                let path = entry.map_err(refuse)?.path();
                let name = path.file_stem().and_then(|name| name.to_str());
                let name = name.filter(|name| is_name(name) && *name != AUTO);
                if path.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let name = name.ok_or_else(|| refused(&path, "its name is no language's"))?;
                let size = fs::metadata(&path).map_err(refuse)?.len();
                if size > MAX_BYTES {
                    return Err(refused(&path, "it is larger than 64 KiB"));
                }
                let json = fs::read_to_string(&path)
                    .map_err(|error| refused(&path, &error.to_string()))?;
                let name = name.to_ascii_lowercase();
                texts
                    .entry(name)
                    .or_insert_with(Texts::new)
                    .extend(parse(&path, &json)?);
            }
        }
        let english = texts.get(FALLBACK).cloned().unwrap_or_default();
        for own in texts.values_mut() {
            let common = english.iter().filter(|(key, _)| *key != "language");
            for (key, text) in common {
                own.entry(key.clone()).or_insert_with(|| text.clone());
            }
        }
        let configured = configured.to_ascii_lowercase();
        if configured != AUTO && !texts.contains_key(&configured) {
            let known: Vec<_> = texts.keys().map(String::as_str).collect();
            let why = format!(
                "there is no {configured}.json; there is {}",
                known.join(", ")
            );
            return Err(refused(
                folder.unwrap_or(Path::new("[kiosk] language")),
                &why,
            ));
        }
        Ok(Self { texts, configured })
    }

    /// Names and texts of the language to show: `asked` for in the address, else configured, else
    /// the first of the browser's `Accept-Language`, else English.
    pub fn choose(&self, asked: Option<&str>, accepted: &str) -> (&str, &Texts) {
        let configured = Some(self.configured.as_str()).filter(|name| *name != AUTO);
        let mut wanted: Vec<(&str, f32)> = accepted
            .split(',')
            .take(16)
            .filter_map(|part| {
                let (name, weight) = part.split_once(";q=").unwrap_or((part, "1"));
                Some((name.trim(), weight.trim().parse().ok()?))
            })
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        // Stable: of equal ones the first.
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let accepted = wanted.iter().map(|(name, _)| *name);
        let candidates = asked.into_iter().chain(configured).chain(accepted);
        candidates
            .filter_map(|name| self.find(name))
            .chain(self.find(FALLBACK))
            .next()
            .unwrap_or((FALLBACK, const { &Texts::new() }))
    }

    /// The languages and what each calls itself.
    pub fn names(&self) -> BTreeMap<&str, &str> {
        let named = self.texts.iter().map(|(name, texts)| {
            let own = texts.get("language").map_or(name.as_str(), String::as_str);
            (name.as_str(), own)
        });
        named.collect()
    }

    /// A language by its name, or that without its region.
    fn find(&self, name: &str) -> Option<(&str, &Texts)> {
        let name = name.to_ascii_lowercase();
        let short = name.split('-').next().unwrap_or_default();
        let found = self.texts.get_key_value(name.as_str());
        let found = found.or_else(|| self.texts.get_key_value(short))?;
        Some((found.0.as_str(), found.1))
    }
}

fn parse(path: &Path, json: &str) -> Result<Texts, KioskError> {
    serde_json::from_str(json).map_err(|error| refused(path, &error.to_string()))
}

fn refused(path: &Path, why: &str) -> KioskError {
    KioskError::Language {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_languages_have_the_same_texts() {
        let keys =
            |json| -> Vec<String> { parse(Path::new(""), json).unwrap().into_keys().collect() };
        let [(_, english), (_, german)] = BUNDLED;
        assert_eq!(keys(english), keys(german));
    }

    #[test]
    fn the_language_is_the_visitors() {
        let languages = Languages::load(None, AUTO).unwrap();
        let name = |asked, accepted| languages.choose(asked, accepted).0;
        assert_eq!(name(None, ""), "en");
        assert_eq!(name(None, "de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(name(None, "en;q=0.2, de;q=0.7"), "de");
        assert_eq!(name(None, "fr, xx;q=0.1"), "en");
        assert_eq!(name(None, "de;q=0, en"), "en");
        assert_eq!(name(Some("DE"), "en"), "de");
        assert_eq!(name(Some("../../etc/passwd"), "de"), "de");
        let german = Languages::load(None, "de").unwrap();
        assert_eq!(german.choose(None, "en").0, "de");
        assert_eq!(german.choose(Some("en"), "de").0, "en");
    }

    #[test]
    fn the_owner_adds_a_language() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("fr.json", r#"{"expression.happy": "joie"}"#);
        write("readme.txt", "no language");
        let languages = Languages::load(Some(folder.path()), "fr").unwrap();
        let (name, texts) = languages.choose(None, "de");
        assert_eq!((name, texts["expression.happy"].as_str()), ("fr", "joie"));
        assert_eq!(texts["expression.sad"], "sad", "the rest is English");

        write("nl.json", "{\"expression.happy\": 3}");
        let error = Languages::load(Some(folder.path()), AUTO).unwrap_err();
        assert!(error.to_string().contains("nl.json"), "{error}");
        let error = Languages::load(None, "fr").unwrap_err().to_string();
        assert!(error.contains("no fr.json; there is de, en"), "{error}");
        assert!(Languages::load(Some(Path::new("/does/not/exist")), AUTO).is_err());
    }
}
