//! Where settings come from: the person's file, the environment, the flags; read once, when a process starts.
//!
//! What is wrong never ends a process: it is told (`Loaded::mistakes`), and what it would have set stays as it was in
//! the last good file, of which the hub keeps a copy in the state folder. What the settings are is `codi2_config`'s;
//! a repository's file is `codi2_workspace`'s. Absent on purpose: a file for all users of a machine (ADR 0020).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use codi2_config::{Layer, Layers, Mistake, Origin, Owner, Place, Row, Settings, Syntax, check, flag, variables};
use codi2_ipc::Places;

use crate::tools;

/// Names of the person's file in its folder, the one to begin with first.
const NAMES: [&str; 3] = ["config.toml", "config.yaml", "config.yml"];
/// Longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// The copy of what was right, in the state folder.
const LAST_GOOD: &str = "config.last-good.json";

/// What the command line says of settings.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The person's file, instead of the usual one.
    pub config: Option<PathBuf>,
    /// `KEY=VALUE` each.
    pub set: Vec<String>,
}

impl Flags {
    /// The same flags for a hub that this process starts, whose folder is another one.
    pub fn passed_on(&self) -> Vec<OsString> {
        let config = self.config.iter().flat_map(|path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            [OsString::from("--config"), path.into()]
        });
        config.chain(self.set.iter().flat_map(|set| ["--set".into(), set.into()])).collect()
    }
}

/// The settings in effect and how they came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is in effect.
    pub settings: Settings,
    /// Everything that is wrong.
    pub mistakes: Vec<Mistake>,
    /// The person's file, whether it is there or not; none where no folder for it is known.
    pub file: Option<PathBuf>,
    layers: Layers,
    /// What the file said, if nothing was wrong with it.
    good: Option<Layer>,
    seen: Seen,
}

/// Files that may hold settings, as they were: size and time of the last change, where they are there.
type Seen = Vec<(PathBuf, Option<(u64, Option<SystemTime>)>)>;

/// The settings of this process.
pub fn load(flags: &Flags) -> Loaded {
    load_with(flags, checked)
}

/// The same for a process of milliseconds that asks nothing of tools: the catalogue, against which a person's tools are
/// checked, is not read.
pub fn load_quickly(flags: &Flags) -> Settings {
    load_with(flags, check).settings
}

fn load_with(flags: &Flags, check: Check) -> Loaded {
    let state = Places::find().ok().map(|places| places.state().to_owned());
    load_from(flags, &|name| env::var_os(name), env::vars_os(), state.as_deref(), check)
}

/// How a file is checked.
type Check = fn(Owner, Syntax, &Path, &str) -> (Layer, Vec<Mistake>);

fn load_from(
    flags: &Flags,
    get: &dyn Fn(&str) -> Option<OsString>,
    all: impl IntoIterator<Item = (OsString, OsString)>,
    state: Option<&Path>,
    check: Check,
) -> Loaded {
    let (candidates, named) = candidates(flags, get);
    let seen = look(&candidates);
    let (mut layers, mut mistakes, mut good) = (Layers::default(), Vec::new(), None);
    let (file, layer) = file(&candidates, named.as_deref(), check, &mut mistakes);
    if mistakes.is_empty() {
        layers.lay(layer.clone());
        good = Some(layer);
    } else {
        let last_good = state.and_then(|state| fs::read_to_string(state.join(LAST_GOOD)).ok());
        layers.lay_mistaken(last_good.map(|text| Layer::from_json(&text)).unwrap_or_default(), layer);
    }
    for (layer, wrong) in std::iter::once(variables(all)).chain(flags.set.iter().map(|set| flag(set))) {
        layers.lay(layer);
        mistakes.extend(wrong);
    }
    Loaded { settings: layers.settings(), mistakes, file, layers, good, seen }
}

/// What is wrong with the flags themselves.
pub fn wrong_flags(flags: &Flags) -> Vec<String> {
    let gone = flags.config.iter().filter(|path| !path.exists());
    let gone = gone.map(|path| format!("--config {}: there is no such file", path.display()));
    gone.chain(flags.set.iter().flat_map(|set| flag(set).1).map(|mistake| mistake.to_string())).collect()
}

/// The files that may be the person's, and who named one.
fn candidates(flags: &Flags, get: &dyn Fn(&str) -> Option<OsString>) -> (Vec<PathBuf>, Option<String>) {
    if let Some(path) = &flags.config {
        return (vec![path.clone()], Some("--config".to_owned()));
    }
    if let Some(path) = get("CODI2_CONFIG").filter(|path| !path.is_empty()) {
        return (vec![path.into()], Some("CODI2_CONFIG".to_owned()));
    }
    let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let files = |folder: PathBuf| NAMES.map(|name| folder.join("codi2").join(name)).to_vec();
    (folder.map(files).unwrap_or_default(), None)
}

/// What of a file counts, and all its mistakes: those of its form, and those of the tools it adds.
pub fn checked(owner: Owner, syntax: Syntax, path: &Path, text: &str) -> (Layer, Vec<Mistake>) {
    let (layer, mut mistakes) = check(owner, syntax, path, text);
    mistakes.extend(tools::mistakes(path, &layer));
    mistakes.sort();
    (layer, mistakes)
}

fn look(candidates: &[PathBuf]) -> Seen {
    let stamp = |path: &PathBuf| fs::metadata(path).ok().map(|found| (found.len(), found.modified().ok()));
    // Absolute, since a hub leaves its folder.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    candidates.iter().map(|path| (absolute(path), stamp(path))).collect()
}

/// The person's file: the first that is there. One asked for by name must be there; the usual place may be empty.
fn file(
    candidates: &[PathBuf],
    named: Option<&str>,
    check: Check,
    mistakes: &mut Vec<Mistake>,
) -> (Option<PathBuf>, Layer) {
    let mut there = candidates.iter().filter(|path| named.is_some() || path.symlink_metadata().is_ok());
    let Some(path) = there.next() else { return (candidates.first().cloned(), Layer::default()) };
    let beginning = Place { line: 1, column: 1 };
    for other in there {
        let found = format!("{} is there, too, and counts", path.display());
        let (origin, todo) = (Origin::File(other.clone(), beginning), "keep one".to_owned());
        mistakes.push(Mistake { origin, found, todo, setting: String::new() });
    }
    let layer = match read(path) {
        Ok(text) => {
            let (layer, wrong) = check(Owner::User, Syntax::of(path).unwrap_or(Syntax::Toml), path, &text);
            mistakes.extend(wrong);
            layer
        }
        Err((found, todo)) => {
            let todo = match named {
                Some(name) => format!("{todo}, or name another file with {name}"),
                None => todo.to_owned(),
            };
            let origin = Origin::File(path.clone(), beginning);
            mistakes.push(Mistake { origin, found, todo, setting: String::new() });
            Layer::default()
        }
    };
    (Some(path.clone()), layer)
}

/// A settings file's text, or why there is none and what to do.
pub fn read(path: &Path) -> Result<String, (String, &'static str)> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ("is not there".to_owned(), "make the file"),
        _ => (format!("cannot be read: {error}"), "make it a file that you may read"),
    };
    let found = fs::metadata(path).map_err(refused)?;
    if !found.is_file() {
        return Err(("is no file".to_owned(), "make it one"));
    }
    if found.len() > LONGEST {
        return Err((format!("is longer than {} MiB", LONGEST >> 20), "shorten it"));
    }
    String::from_utf8(fs::read(path).map_err(refused)?).map_err(|_| ("is not UTF-8".to_owned(), "save it as UTF-8"))
}

impl Loaded {
    /// What is in effect, each with its origin.
    pub fn rows(&self) -> Vec<Row> {
        self.layers.rows()
    }

    /// What is wrong in one line, for a status.
    pub fn problem(&self) -> Option<String> {
        let first = self.mistakes.first()?;
        Some(match self.mistakes.len() - 1 {
            0 => format!("settings: {first}"),
            more => format!("settings: {first} (and {more} more: `codi2 config check`)"),
        })
    }

    /// Keeps what the person's file said for the day when it has mistakes; a file with mistakes changes nothing.
    ///
    /// # Errors
    /// What the system says; nothing depends on it today.
    pub fn keep(&self, state: &Path) -> io::Result<()> {
        let Some(good) = &self.good else { return Ok(()) };
        let (text, path) = (good.to_json(), state.join(LAST_GOOD));
        if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
            return Ok(());
        }
        let new = state.join(format!("{LAST_GOOD}.{}", std::process::id()));
        fs::write(&new, text)?;
        fs::rename(&new, &path)
    }

    /// For a process that lives long, what to say of its settings: that they changed since, else what is wrong.
    pub fn remarks(&self) -> Vec<String> {
        let paths: Vec<PathBuf> = self.seen.iter().map(|(path, _)| path.clone()).collect();
        if look(&paths) != self.seen {
            let changed = "the settings' file changed after the hub started";
            return vec![format!("{changed}; run `codi2 hub stop`: the next use starts it with them")];
        }
        self.problem().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home with a file of settings.
    struct Home(tempfile::TempDir);

    impl Home {
        fn new(files: &[(&str, &str)]) -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(home.folder()).unwrap();
            files.iter().for_each(|(name, text)| home.write(name, text));
            home
        }

        fn folder(&self) -> PathBuf {
            self.0.path().join(".config/codi2")
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.folder().join(name), text).unwrap();
        }

        fn load(&self, flags: &Flags, variables: &[(&str, &str)]) -> Loaded {
            self.load_by(checked, flags, variables)
        }

        fn load_by(&self, check: Check, flags: &Flags, variables: &[(&str, &str)]) -> Loaded {
            let home = ("HOME".to_owned(), self.0.path().to_str().unwrap().to_owned());
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let all: Vec<(String, String)> = variables.chain([home]).collect();
            let get = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| OsString::from(value));
            let pairs: Vec<(OsString, OsString)> =
                all.iter().map(|(name, value)| (name.into(), value.into())).collect();
            load_from(flags, &get, pairs, Some(self.0.path()), check)
        }
    }

    #[test]
    fn file_then_environment_then_flags() {
        let home = Home::new(&[("config.yaml", "hub:\n  idle_minutes: 3\nwatch: {poll: true, settle_ms: 7}\n")]);
        let flags = Flags { set: vec!["watch.settle_ms=9".into()], ..Flags::default() };
        let loaded = home.load(&flags, &[("CODI2_WATCH_POLL", "no"), ("CODI2_WATCH_SETTLE_MS", "8")]);
        assert_eq!(loaded.mistakes, []);
        let settings = loaded.settings;
        assert_eq!((settings.hub.idle_minutes, settings.watch.poll, settings.watch.settle_ms), (3, false, 9));
        assert!(loaded.file.unwrap().ends_with("config.yaml"));
    }

    #[test]
    fn the_file_is_where_it_should_be() {
        let home = Home::new(&[]);
        let loaded = home.load(&Flags::default(), &[]);
        assert_eq!((loaded.file, loaded.mistakes), (Some(home.folder().join("config.toml")), vec![]));
        let loaded = home.load(&Flags::default(), &[("XDG_CONFIG_HOME", "/x")]);
        assert_eq!(loaded.file, Some("/x/codi2/config.toml".into()));
        let loaded = home.load(&Flags::default(), &[("XDG_CONFIG_HOME", "relative")]);
        assert_eq!(loaded.file, Some(home.folder().join("config.toml")));
        // Named, it must be there.
        for (flags, variables, who) in [
            (Flags::default(), &[("CODI2_CONFIG", "gone.toml")][..], "CODI2_CONFIG"),
            (Flags { config: Some("gone.toml".into()), set: Vec::new() }, &[("CODI2_CONFIG", "/x")][..], "--config"),
        ] {
            let loaded = home.load(&flags, variables);
            assert_eq!(loaded.file, Some("gone.toml".into()));
            let problem = loaded.problem().unwrap();
            assert!(
                problem.contains("gone.toml:1:1: is not there; make the file") && problem.contains(who),
                "{problem}"
            );
        }
        assert_eq!(load_from(&Flags::default(), &|_| None, [], None, checked).file, None);
    }

    #[test]
    fn a_hook_reads_a_persons_tools_without_the_catalogue() {
        let tools = "[watch]\nprivate = [\"*.secret\"]\n[[tools]]\nid = \"my-agent\"\nprocesses = [\"my-agent\"]\n";
        let home = Home::new(&[("config.toml", tools)]);
        let before = crate::tools::reads::count();
        let quick = home.load_by(check, &Flags::default(), &[]).settings;
        assert_eq!(crate::tools::reads::count(), before);
        assert_eq!(quick, home.load(&Flags::default(), &[]).settings);
        assert_eq!(crate::tools::reads::count(), before + 1);
    }

    #[test]
    fn two_files_are_one_too_many() {
        let home = Home::new(&[("config.toml", "watch.poll = true\n"), ("config.yml", "log: debug\n")]);
        let loaded = home.load(&Flags::default(), &[]);
        assert_eq!((loaded.settings.watch.poll, loaded.settings.log), (true, None));
        assert_eq!(loaded.mistakes.len(), 1);
        assert!(loaded.mistakes[0].to_string().contains("config.yml:1:1: "), "{:?}", loaded.mistakes);
    }

    #[test]
    fn a_file_that_breaks_keeps_what_it_last_said() {
        let home = Home::new(&[("config.toml", "[watch]\nprivate = [\"*.secret\"]\nsettle_ms = 7\n")]);
        let state = home.0.path().to_owned();
        home.load(&Flags::default(), &[]).keep(&state).unwrap();
        home.write("config.toml", "[watch]\nprivate = \"*.new\"\nsettle_ms = 70000\npoll = true\n");
        let loaded = home.load(&Flags::default(), &[]);
        assert_eq!(loaded.mistakes.len(), 2);
        let watch = &loaded.settings.watch;
        assert_eq!((&watch.private[..], watch.settle_ms, watch.poll), (&["*.secret".to_owned()][..], 7, true));
        // A broken file is not kept.
        loaded.keep(&state).unwrap();
        home.write("config.toml", "\u{0}");
        assert_eq!(home.load(&Flags::default(), &[]).settings.watch.private, ["*.secret"]);
        // Nor is one that cannot be read.
        fs::write(home.folder().join("config.toml"), b"\xff").unwrap();
        let loaded = home.load(&Flags::default(), &[]);
        assert_eq!(loaded.settings.watch.private, ["*.secret"]);
        assert!(loaded.problem().unwrap().contains("is not UTF-8; save it as UTF-8"));
        // A file that says nothing is right again.
        home.write("config.toml", "");
        home.load(&Flags::default(), &[]).keep(&state).unwrap();
        home.write("config.toml", "=");
        assert_eq!(home.load(&Flags::default(), &[]).settings, Settings::default());
    }

    #[test]
    fn who_lives_long_says_that_the_file_changed() {
        let home = Home::new(&[("config.toml", "[watch]\nsetle_ms = 7\n")]);
        let loaded = home.load(&Flags::default(), &[]);
        assert!(loaded.remarks()[0].contains("config.toml:2:1: unknown key `setle_ms`"), "{:?}", loaded.remarks());
        home.write("config.toml", "[watch]\nsettle_ms = 70\n");
        assert!(loaded.remarks()[0].contains("codi2 hub stop"), "{:?}", loaded.remarks());
        let loaded = home.load(&Flags::default(), &[]);
        assert_eq!(loaded.remarks(), Vec::<String>::new());
        home.write("config.yaml", "");
        assert_eq!(loaded.remarks().len(), 1);
    }

    #[test]
    fn a_started_hub_gets_the_same_flags() {
        let flags = Flags { config: Some("/c.toml".into()), set: vec!["a=1".into(), "b=2".into()] };
        assert_eq!(flags.passed_on(), ["--config", "/c.toml", "--set", "a=1", "--set", "b=2"]);
    }
}
