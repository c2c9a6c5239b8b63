//! Settings: one TOML file, laid over the defaults, under the environment, under flags.
//!
//! Each value knows where it comes from. An unknown key or a value of the wrong kind is an error that names file and
//! line. Absent on purpose: settings nothing reads yet, a schema, other file formats, writing the file.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there but cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says something that makes no sense.
    #[error("{path}:{line}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Line from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// An environment variable says something that makes no sense.
    #[error("{name}: {reason}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// This line of the file.
    File(PathBuf, usize),
    /// This environment variable.
    Environment(&'static str),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in effect.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// A flag's value over whatever was there.
    pub fn by_flag(&mut self, name: &'static str, value: T) {
        *self = Self { value, origin: Origin::Flag(name) };
    }
}

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The hub ends after so many minutes without client, session or claim; 0: never.
    pub idle_minutes: Setting<u64>,
    /// Globs of files of which only "a private file changed" is recorded.
    pub private: Setting<Vec<String>>,
    /// If not empty, only files that match one of these globs are watched.
    pub include: Setting<Vec<String>>,
    /// Globs of files and folders not to watch.
    pub exclude: Setting<Vec<String>>,
    /// Look again and again instead of waiting for events.
    pub poll: Setting<bool>,
    /// A changed file is looked at after so many ms of quiet.
    pub settle_ms: Setting<u64>,
    /// The store's file; absent: `store/codi2.redb` in the state folder.
    pub store: Setting<Option<PathBuf>>,
    /// A spool's cap in MiB.
    pub spool_mib: Setting<u64>,
}

impl Default for Config {
    fn default() -> Self {
        let private = [".env*", "*.pem", "*.key", "id_*"].map(str::to_owned).to_vec();
        Self {
            idle_minutes: Setting::default(10),
            private: Setting::default(private),
            include: Setting::default(Vec::new()),
            exclude: Setting::default(Vec::new()),
            poll: Setting::default(false),
            settle_ms: Setting::default(30),
            store: Setting::default(None),
            spool_mib: Setting::default(codi2_protocol::limits::SPOOL_BYTES >> 20),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    hub: HubTable,
    watch: WatchTable,
    store: StoreTable,
    spool: SpoolTable,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HubTable {
    idle_minutes: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WatchTable {
    private: Option<Spanned<Vec<String>>>,
    include: Option<Spanned<Vec<String>>>,
    exclude: Option<Spanned<Vec<String>>>,
    poll: Option<Spanned<bool>>,
    settle_ms: Option<Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StoreTable {
    path: Option<Spanned<PathBuf>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SpoolTable {
    cap_mib: Option<Spanned<u64>>,
}

/// Where the file is: `CODI2_CONFIG`, else `codi2/config.toml` in the XDG configuration folder.
pub fn path(get: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(path) = get("CODI2_CONFIG").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(folder.join("codi2").join("config.toml"))
}

/// The settings of this process: defaults, then the file, then the environment.
pub fn load() -> Result<Config, ConfigError> {
    load_from(&|name| env::var_os(name))
}

fn load_from(get: &dyn Fn(&str) -> Option<OsString>) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    if let Some(path) = path(get) {
        match fs::read_to_string(&path) {
            Ok(text) => config.lay_file(&path, &text)?,
            // A file asked for by name must be there; the usual place may be empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound && get("CODI2_CONFIG").is_none() => {}
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        }
    }
    config.lay_environment(get)?;
    Ok(config)
}

impl Config {
    fn lay_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let line_of = |byte: usize| text[..byte.min(text.len())].matches('\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| ConfigError::File {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line_of(span.start)),
            reason: error.message().to_owned(),
        })?;
        let lay = Lay { path, line_of: &line_of };
        lay.over(&mut self.idle_minutes, file.hub.idle_minutes);
        lay.over(&mut self.private, file.watch.private);
        lay.over(&mut self.include, file.watch.include);
        lay.over(&mut self.exclude, file.watch.exclude);
        lay.over(&mut self.poll, file.watch.poll);
        lay.over(&mut self.settle_ms, file.watch.settle_ms);
        lay.over(&mut self.spool_mib, file.spool.cap_mib);
        if let Some(store) = file.store.path {
            let line = line_of(store.span().start);
            let value = store.into_inner();
            if !value.is_absolute() {
                let reason = format!("store.path must be absolute, not {}", value.display());
                return Err(ConfigError::File { path: path.to_owned(), line, reason });
            }
            self.store = Setting { value: Some(value), origin: Origin::File(path.to_owned(), line) };
        }
        Ok(())
    }

    fn lay_environment(&mut self, get: &dyn Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
        let environment = Environment { get };
        environment.over("CODI2_HUB_IDLE_MINUTES", &mut self.idle_minutes, number)?;
        environment.over("CODI2_WATCH_PRIVATE", &mut self.private, list)?;
        environment.over("CODI2_WATCH_INCLUDE", &mut self.include, list)?;
        environment.over("CODI2_WATCH_EXCLUDE", &mut self.exclude, list)?;
        environment.over("CODI2_WATCH_POLL", &mut self.poll, boolean)?;
        environment.over("CODI2_WATCH_SETTLE_MS", &mut self.settle_ms, number)?;
        environment.over("CODI2_STORE_PATH", &mut self.store, |text| {
            let path = PathBuf::from(text);
            if path.is_absolute() { Ok(Some(path)) } else { Err(format!("must be an absolute path, not {text:?}")) }
        })?;
        environment.over("CODI2_SPOOL_CAP_MIB", &mut self.spool_mib, number)
    }

    /// Every setting: its key in the file, its value, its origin.
    pub fn rows(&self) -> Vec<(&'static str, Value, &Origin)> {
        vec![
            ("hub.idle_minutes", json!(self.idle_minutes.value), &self.idle_minutes.origin),
            ("watch.private", json!(self.private.value), &self.private.origin),
            ("watch.include", json!(self.include.value), &self.include.origin),
            ("watch.exclude", json!(self.exclude.value), &self.exclude.origin),
            ("watch.poll", json!(self.poll.value), &self.poll.origin),
            ("watch.settle_ms", json!(self.settle_ms.value), &self.settle_ms.origin),
            ("store.path", json!(self.store.value.as_ref().map(|path| path.to_string_lossy())), &self.store.origin),
            ("spool.cap_mib", json!(self.spool_mib.value), &self.spool_mib.origin),
        ]
    }

    /// How long the hub waits for somebody, in ms.
    pub fn idle_ms(&self) -> u64 {
        match self.idle_minutes.value {
            0 => u64::MAX,
            minutes => minutes.saturating_mul(60_000),
        }
    }

    /// A spool's cap in bytes.
    pub fn spool_bytes(&self) -> u64 {
        self.spool_mib.value.saturating_mul(1 << 20)
    }
}

struct Lay<'a> {
    path: &'a Path,
    line_of: &'a dyn Fn(usize) -> usize,
}

impl Lay<'_> {
    fn over<T>(&self, setting: &mut Setting<T>, value: Option<Spanned<T>>) {
        if let Some(value) = value {
            let origin = Origin::File(self.path.to_owned(), (self.line_of)(value.span().start));
            *setting = Setting { value: value.into_inner(), origin };
        }
    }
}

struct Environment<'a> {
    get: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Environment<'_> {
    fn over<T>(
        &self,
        name: &'static str,
        setting: &mut Setting<T>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<(), ConfigError> {
        let Some(text) = (self.get)(name).filter(|text| !text.is_empty()) else { return Ok(()) };
        let value = text.to_str().ok_or_else(|| "is not UTF-8".to_owned()).and_then(read);
        let value = value.map_err(|reason| ConfigError::Environment { name, reason })?;
        *setting = Setting { value, origin: Origin::Environment(name) };
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("must be a whole number, not {text:?}"))
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("must be true or false, not {text:?}")),
    }
}

/// Globs parted by colons, like folders in `PATH`.
fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(':').filter(|glob| !glob.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let mut config = Config::default();
        let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        config.lay_file(Path::new("c.toml"), file).map_err(|error| error.to_string())?;
        config.lay_environment(&get).map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn each_layer_covers_the_one_below_and_says_so() {
        let file = "[hub]\nidle_minutes = 3\n[watch]\n\npoll = true\nprivate = [\"*.secret\"]\n[spool]\ncap_mib = 8\n";
        let mut config = laid(file, &[("CODI2_WATCH_POLL", "off"), ("CODI2_WATCH_EXCLUDE", "a/**:*.log")]).unwrap();
        config.settle_ms.by_flag("--settle-ms", 5);
        let origins: Vec<_> =
            config.rows().iter().map(|(key, value, origin)| format!("{key}={value} {origin}")).collect();
        assert_eq!(
            origins,
            [
                "hub.idle_minutes=3 c.toml:2",
                "watch.private=[\"*.secret\"] c.toml:6",
                "watch.include=[] default",
                "watch.exclude=[\"a/**\",\"*.log\"] env CODI2_WATCH_EXCLUDE",
                "watch.poll=false env CODI2_WATCH_POLL",
                "watch.settle_ms=5 flag --settle-ms",
                "store.path=null default",
                "spool.cap_mib=8 c.toml:8",
            ]
        );
        assert_eq!((config.idle_ms(), config.spool_bytes()), (180_000, 8 << 20));
        config.idle_minutes.by_flag("--idle-minutes", 0);
        assert_eq!(config.idle_ms(), u64::MAX);
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for (file, expected) in [
            ("[hub]\nidle_minuets = 3\n", "c.toml:2: unknown field `idle_minuets`"),
            ("\n\n[hubs]\n", "c.toml:3: unknown field `hubs`"),
            ("[watch]\npoll = \"yes\"\n", "c.toml:2: invalid type: string \"yes\", expected a boolean"),
            ("[hub]\n\nidle_minutes = -1\n", "c.toml:3: invalid value: integer `-1`"),
            ("[watch]\nprivate = [1]\n", "c.toml:2: invalid type: integer `1`, expected a string"),
            ("[store]\npath = \"here\"\n", "c.toml:2: store.path must be absolute, not here"),
            ("[hub\n", "c.toml:1: "),
            ("[hub]\nidle_minutes = 1\nidle_minutes = 2\n", "c.toml:3: duplicate key"),
        ] {
            let error = laid(file, &[]).unwrap_err();
            assert!(error.starts_with(expected), "{file:?}: {error}");
        }
        for (name, value) in [
            ("CODI2_HUB_IDLE_MINUTES", "ten"),
            ("CODI2_WATCH_POLL", "maybe"),
            ("CODI2_STORE_PATH", "here"),
            ("CODI2_SPOOL_CAP_MIB", "-1"),
        ] {
            let error = laid("", &[(name, value)]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn every_row_can_be_written_in_the_file() {
        for (key, value, _) in Config::default().rows().into_iter().filter(|(_, value, _)| !value.is_null()) {
            let (table, key) = key.split_once('.').unwrap();
            laid(&format!("[{table}]\n{key} = {value}\n"), &[]).unwrap();
        }
    }

    #[test]
    fn the_file_is_where_it_should_be() {
        let find = |environment: &[(&str, &str)]| {
            path(&|name| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
        };
        assert_eq!(find(&[("CODI2_CONFIG", "x.toml"), ("HOME", "/h")]), Some("x.toml".into()));
        assert_eq!(find(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), Some("/x/codi2/config.toml".into()));
        assert_eq!(
            find(&[("XDG_CONFIG_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.config/codi2/config.toml".into())
        );
        assert_eq!(find(&[]), None);
    }
}
