//! From options to a database: the cluster file, the client library, the network thread, each with its own words when
//! it fails.
//!
//! Absent on purpose: asking the cluster; a wrong address shows with the first transaction.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ::foundationdb::{Database, FdbError};
use foundationdb_sys::{LoadError, StartError};

use crate::error::StoreError;

/// Longest prefix, in bytes: keys and transactions leave room for so much.
pub const PREFIX_BYTES: usize = 32;

/// Where the client library is looked for when no path is given: by name, as the system finds it, then where the
/// client packages put it.
const LIBRARIES: &[&str] = if cfg!(target_os = "macos") {
    &["libfdb_c.dylib", "/usr/local/lib/libfdb_c.dylib"]
} else {
    &["libfdb_c.so", "/usr/lib/libfdb_c.so", "/usr/local/lib/libfdb_c.so"]
};

/// How a store in a cluster is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundationDbOptions {
    /// The cluster file. The client writes it anew when the cluster's coordinators move.
    pub cluster_file: PathBuf,
    /// The client library; where absent it is looked for in the usual places. A process has one: the first that loads.
    pub library: Option<PathBuf>,
    /// What every key begins with, 2 to [`PREFIX_BYTES`] bytes, the first below `0xff`, the last the only slash, so that none
    /// is the beginning of another: stores with different prefixes share a cluster and know nothing of each other.
    pub prefix: Vec<u8>,
    /// How long a transaction may take before its cluster counts as away, in ms.
    pub timeout_ms: i32,
}

impl FoundationDbOptions {
    /// The usual options: the library where it is installed, prefix `codi2/`, 5 s.
    pub fn new(cluster_file: impl Into<PathBuf>) -> Self {
        Self { cluster_file: cluster_file.into(), library: None, prefix: b"codi2/".to_vec(), timeout_ms: 5_000 }
    }
}

/// Backend and place, in words, as an engine opened so says it.
pub fn place(options: &FoundationDbOptions) -> String {
    format!("FoundationDB {} (prefix {})", options.cluster_file.display(), options.prefix.escape_ascii())
}

/// The database, its cluster not asked yet.
pub(super) fn connect(options: &FoundationDbOptions, place: &str) -> Result<Database, StoreError> {
    check_prefix(&options.prefix)?;
    let path = check_cluster_file(&options.cluster_file, place)?;
    load(options.library.as_deref(), place)?;
    foundationdb_sys::start().map_err(|error| match error {
        StartError::Version { .. } => unusable(place, error.to_string(), UPDATE),
        StartError::Refused(_) => unusable(place, error.to_string(), "start codi2 again"),
    })?;
    Database::from_path(path).map_err(|error| refused(place, error))
}

const UPDATE: &str = "install the FoundationDB client package of the cluster's version, 7.3 or newer";

fn unusable(place: &str, detail: String, remedy: &str) -> StoreError {
    StoreError::Unusable { place: place.to_owned(), detail, remedy: remedy.to_owned() }
}

/// The client library refused.
pub(super) fn refused(place: &str, error: FdbError) -> StoreError {
    unusable(place, format!("the client library says: {error} ({})", error.code()), "check the cluster file")
}

fn check_prefix(prefix: &[u8]) -> Result<(), StoreError> {
    let slash = prefix.iter().position(|byte| *byte == b'/');
    if (2..=PREFIX_BYTES).contains(&prefix.len()) && prefix[0] != 0xff && slash == Some(prefix.len() - 1) {
        return Ok(());
    }
    let limits = format!("2 to {PREFIX_BYTES} bytes, the first below 0xff, the last the only slash, such as team/");
    Err(StoreError::Shape(format!(
        "the prefix \"{}\" of a FoundationDB store must have {limits}",
        prefix.escape_ascii()
    )))
}

/// The file's path, if it reads as a cluster file: `description:id@host:port,…`, comments apart.
fn check_cluster_file<'a>(path: &'a Path, place: &str) -> Result<&'a str, StoreError> {
    const COPY: &str = "copy the cluster file from a machine of the cluster (usually /etc/foundationdb/fdb.cluster)";
    let wrong = |detail: String| unusable(place, detail, COPY);
    let name = path.to_str().ok_or_else(|| wrong("the cluster file's path is not UTF-8".to_owned()))?;
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("the cluster file cannot be read ({error})")))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let line = lines.find(|line| !line.is_empty()).ok_or_else(|| wrong("the cluster file is empty".to_owned()))?;
    let whole = line.split_once('@').is_some_and(|(who, addresses)| {
        let named = who.split_once(':').is_some_and(|(description, id)| !description.is_empty() && !id.is_empty());
        let address = |text: &str| {
            text.trim()
                .trim_end_matches(":tls")
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        named && addresses.split(',').all(address)
    });
    if whole { Ok(name) } else { Err(wrong("the cluster file does not read `description:id@host:port`".to_owned())) }
}

fn load(library: Option<&Path>, place: &str) -> Result<(), StoreError> {
    if cfg!(target_env = "musl") {
        let detail = "this codi2 is a static build, which can load no client library".to_owned();
        return Err(unusable(place, detail, "use a build for glibc"));
    }
    let names: Vec<&OsStr> = match library {
        Some(path) => vec![path.as_os_str()],
        None => LIBRARIES.iter().map(OsStr::new).collect(),
    };
    foundationdb_sys::load(&names).map_err(|error| match error {
        LoadError::Missing(_) => unusable(
            place,
            error.to_string(),
            "install the FoundationDB client package of the cluster's version, or name the library's path",
        ),
        LoadError::TooOld { .. } => unusable(place, error.to_string(), UPDATE),
    })
}
