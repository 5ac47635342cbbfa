use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::Table;

use super::layers::{Loaded, Places, keys, load};
use super::*;

fn places(folder: &Path, variables: &[(&str, &str)]) -> Places {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Places {
        system: folder.join("etc"),
        user: Some(folder.join("user.toml")),
        variables: variables.iter().map(owned).collect(),
    }
}

fn read(text: &str) -> (PathBuf, Result<Config, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let loaded = load(Some(&path), &places(folder.path(), &[]));
    (folder.path().to_owned(), loaded.map(|loaded| loaded.config))
}

#[test]
fn paths_count_from_the_file() {
    let text = "model = \"m.postcard\"\ndetector = \"/d.postcard\"\n[kiosk]\ntoken_file = \"t\"\n";
    let (folder, config) = read(text);
    let config = config.unwrap();
    assert_eq!(config.kiosk.token_file, Some(folder.join("t")));
    assert_eq!(config.model, Some(folder.join("m.postcard")));
    assert_eq!(config.detector, Some("/d.postcard".into()));
}

#[test]
fn key_files_count_from_the_file_and_keys_stay_keys() {
    let key = "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=";
    let text = format!("[updates]\ntrusted_keys = [\"a.pub\", \"{key}\"]\n");
    let (folder, config) = read(&text);
    let file = folder.join("a.pub").display().to_string();
    assert_eq!(config.unwrap().updates.trusted_keys, [file, key.to_owned()]);
}

#[test]
fn empty_is_fine_and_unknown_keys_are_not() {
    assert_eq!(read("").1.unwrap(), Config::default());
    for text in ["modell = \"m\"", "model = 3", "model = "] {
        let error = read(text).1.unwrap_err();
        assert!(matches!(error, ConfigError::Invalid { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("config.toml: TOML parse error at line 1"),
            "{error}"
        );
    }
    let error = read("modell = \"m\"").1.unwrap_err().to_string();
    assert!(error.ends_with("did you mean `model`?"), "{error}");
}

#[test]
fn sections_keep_defaults_and_check_ranges() {
    let config = read("[tracking]\ndetect_every_frames = 3\n[smoothing]\n").1;
    let config = config.unwrap();
    assert_eq!(config.tracking.detect_every_frames, 3);
    assert_eq!(config.tracking.memory_ms, 3000);
    assert_eq!(config.smoothing, SmoothingOptions::default());
    for (text, named) in [
        ("[tracking]\ndetect_every_frames = 0", "must be 1 to 1000"),
        (
            "[tracking]\nmin_correlation = nan",
            "min_correlation is NaN",
        ),
        ("[tracking]\nmemory_ms = 90000", "memory_ms is 90000"),
        ("[tracking]\nmemory_ms = -1", "line 2"),
        ("[tracking]\nmemory = 5", "did you mean `memory_ms`?"),
        ("[smoothing]\nuncertain_below = 1.5", "must be 0 to 1"),
        ("[smoothing]\ntime_constant_ms = \"1 s\"", "line 2"),
        (
            "[camera]\nwidth_px = 5",
            "width_px is 5; it must be 32 to 4096",
        ),
        ("[led]\nactive = \"hgih\"", "did you mean `high`?"),
        ("outputs = [\"leds\"]", "did you mean `led`?"),
        ("[rgb]\npins = [1, 1, 2]", "three different ones"),
        ("[exec]\ntimeout_ms = 1", "timeout_ms is 1"),
        ("[kiosk]\nbind = [\"0.0.0.0:80\"]", "token_file"),
        ("[kiosk]\nbind = [\"here\"]", "line 2"),
        ("[mqtt]\ntopic = \"a/#\"", "topic is"),
        (
            "[updates]\ntrial_s = 0",
            "trial_s is 0; it must be 1 to 86400",
        ),
        (
            "[updates]\nallow_unsigend = true",
            "did you mean `allow_unsigned`?",
        ),
    ] {
        let error = read(text).1.unwrap_err().to_string();
        assert!(
            error.contains("config.toml: ") && error.contains(named),
            "{error}"
        );
    }
}

#[test]
fn the_detector_s_input_is_two_numbers() {
    let config = read("detector_input_px = [320, 240]").1.unwrap();
    assert_eq!(config.detector_input_px, Some([320, 240]));
    assert!(read("detector_input_px = 320").1.is_err());
}

#[test]
fn equalization_is_off_unless_asked_for() {
    assert!(!read("").1.unwrap().detector_equalize);
    let config = read("detector_equalize = true").1.unwrap();
    assert!(config.detector_equalize);
    assert!(read("detector_equalize = 1").1.is_err());
}

#[test]
fn a_named_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("does/not/exist.toml");
    let error = load(Some(&path), &places(folder.path(), &[])).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
}

#[test]
fn later_layers_win_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let variables = [
        ("MIEN_CONFIG_TRACKING__FOLLOW_MS", "700"),
        ("MIEN_CONFIG_SOURCE", "camera:2"),
        ("MIEN_CONFIG_OUTPUTS", "[\"led\"]"),
        ("MIEN_SHARED", "no key of ours"),
    ];
    let all = places(folder.path(), &variables);
    assert_eq!(load(None, &all).unwrap().config.tracking.follow_ms, 700);
    write(
        "etc/config.toml",
        "model = \"a\"\n[tracking]\nmemory_ms = 1\nfollow_ms = 1\n",
    );
    write("etc/conf.d/20.toml", "[tracking]\nmemory_ms = 20\n");
    write(
        "etc/conf.d/10.toml",
        "[tracking]\nmemory_ms = 10\ndetect_every_ms = 10\n",
    );
    write("etc/conf.d/30.txt", "no configuration");
    write("user.toml", "[smoothing]\nhysteresis = 0.2\n");
    let Loaded { config, origins } = load(None, &all).unwrap();
    let tracking = config.tracking;
    assert_eq!(
        (
            tracking.memory_ms,
            tracking.detect_every_ms,
            tracking.follow_ms
        ),
        (20, 10, 700)
    );
    assert_eq!(config.smoothing.hysteresis, 0.2);
    assert_eq!(config.model, Some(folder.path().join("etc/a")));
    assert_eq!(config.source.as_deref(), Some("camera:2"));
    assert_eq!(config.outputs, [OutputName::Led]);
    assert!(origins["tracking.memory_ms"].ends_with("20.toml"));
    assert_eq!(
        origins["tracking.follow_ms"],
        "MIEN_CONFIG_TRACKING__FOLLOW_MS"
    );
    assert!(!origins.contains_key("tracking.min_correlation"));

    write("named.toml", "[tracking]\nmemory_ms = 5\n");
    let named = load(Some(&folder.path().join("named.toml")), &all)
        .unwrap()
        .config;
    assert_eq!(
        (named.tracking.memory_ms, named.model),
        (5, None),
        "alone but for variables"
    );
}

#[test]
fn wrong_variables_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name, value| {
        let loaded = load(None, &places(folder.path(), &[(name, value)]));
        loaded.unwrap_err().to_string()
    };
    let unknown = error("MIEN_CONFIG_TRACKING__MEMORY", "5");
    assert!(
        unknown.starts_with("MIEN_CONFIG_TRACKING__MEMORY: "),
        "{unknown}"
    );
    assert!(unknown.ends_with("did you mean `memory_ms`?"), "{unknown}");
    let wrong = error("MIEN_CONFIG_TRACKING__MEMORY_MS", "soon");
    assert!(
        wrong.contains("MEMORY_MS") && wrong.contains("soon"),
        "{wrong}"
    );
    let far = error("MIEN_CONFIG_TRACKING__MEMORY_MS", "99999999");
    assert!(far.contains("must be 0 to 60000"), "{far}");
}

#[test]
fn layers_together_must_make_sense() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("MIEN_CONFIG_OUTPUTS", "[\"led\", \"rgb\"]"),
        ("MIEN_CONFIG_RGB__PINS", "[5, 27, 22]"),
    ];
    let error = load(None, &places(folder.path(), &variables)).unwrap_err();
    assert!(
        error.to_string().contains("GPIO 5 is used twice"),
        "{error}"
    );
}

/// `#key = value` lines of the default file, as keys.
fn optional_keys() -> BTreeSet<String> {
    let lines = Config::DEFAULT_TOML.lines();
    let optional = lines.filter_map(|line| line.strip_prefix('#')?.split_once(" = "));
    let is_key = |key: &str| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    optional
        .map(|(key, _)| key.to_owned())
        .filter(|key| is_key(key))
        .collect()
}

#[test]
fn the_default_file_is_the_default_and_names_every_key() {
    let text = Config::DEFAULT_TOML;
    let parsed: Config = toml::from_str(text).unwrap();
    assert_eq!(parsed, Config::default());
    let as_table = |text: &str| -> Table { toml::from_str(text).unwrap() };
    let in_file = keys(&as_table(text));
    let in_code = keys(&as_table(&toml::to_string(&Config::default()).unwrap()));
    assert_eq!(BTreeSet::from_iter(in_file), BTreeSet::from_iter(in_code));

    // Those without a default, all set.
    let optional = optional_keys();
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if optional.contains(rest.split(' ').next().unwrap()) => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let full: Config = toml::from_str(&uncommented).unwrap();
    assert!(full.model.is_some() && full.detector.is_some());
    assert!(full.source.is_some() && full.detector_input_px.is_some());
    assert!(full.kiosk.token_file.is_some() && full.kiosk.owner_token_file.is_some());
    assert!(full.kiosk.language_dir.is_some());
    assert!(full.mqtt.device.is_some() && full.mqtt.user.is_some());
    assert!(full.mqtt.password_file.is_some());
    assert_eq!(optional.len(), 10);
}

#[test]
fn every_key_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    // The page shows the file itself, so that the two cannot differ.
    assert!(
        page.contains(Config::DEFAULT_TOML),
        "docs/configuration.md is not up to date"
    );
}
