//! Which store: from settings, or from a word of the command line, to an engine. The only place that knows the kinds.
//!
//! Absent on purpose: what is in a store, and whether a cluster answers (its first transaction says so).

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use codi2_config::StoreSettings;
use codi2_hub::{Shared, StoreSpec};
use codi2_ipc::Places;
use codi2_store::Engine;
use codi2_store::file::File;
use codi2_store::foundationdb::{self, FoundationDbOptions};

use super::failure::{Code, Failure};

/// What a word of the command line begins with that names a cluster.
const CLUSTER: &str = "foundationdb:";

/// A store, not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A file of this machine.
    File(PathBuf),
    /// A cluster.
    Cluster(FoundationDbOptions),
}

impl Chosen {
    /// The store that the settings name.
    ///
    /// # Errors
    /// They name a cluster and not its file.
    pub fn by(settings: &StoreSettings, places: &Places) -> Result<Self> {
        if settings.kind != "foundationdb" {
            let usual = || places.state().join("store").join("codi2.redb");
            return Ok(Self::File(settings.path.clone().unwrap_or_else(usual)));
        }
        let Some(cluster_file) = settings.cluster_file.clone() else {
            let what = "store.kind is foundationdb, but store.cluster_file is not set";
            return Err(anyhow!("{what}; set it, or give --cluster-file")).code(Failure::Usage);
        };
        Ok(Self::Cluster(options(settings, cluster_file)))
    }

    /// The store that a word names: a file's path, or `foundationdb:` and a cluster file, behind it `#` and a prefix that is
    /// not that of the settings.
    pub fn named(word: &OsStr, settings: &StoreSettings) -> Result<Self> {
        let cluster = word.to_str().and_then(|word| word.strip_prefix(CLUSTER));
        let absolute = |path: &OsStr| std::path::absolute(path).context("this folder is gone");
        Ok(match cluster {
            Some(cluster) => {
                let (file, prefix) = cluster.rsplit_once('#').unwrap_or((cluster, &settings.prefix));
                let settings = StoreSettings { prefix: prefix.to_owned(), ..settings.clone() };
                Self::Cluster(options(&settings, absolute(file.as_ref())?))
            }
            None => Self::File(absolute(word)?),
        })
    }

    /// Where it is, in the words of a hub that uses it.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => codi2_store::file::place(path),
            Self::Cluster(options) => foundationdb::place(options),
        }
    }

    /// Opens it; a file is made where there is none.
    pub fn open(&self) -> Result<Arc<dyn Engine>> {
        Ok(match self {
            Self::File(path) => Arc::new(File::open(path)?),
            Self::Cluster(options) => Arc::new(foundationdb::open(options)?),
        })
    }

    /// How the hub opens it.
    pub fn spec(&self) -> Result<StoreSpec> {
        Ok(match self {
            Self::File(path) => StoreSpec::File(path.clone()),
            Self::Cluster(_) => StoreSpec::Shared(Shared(self.open()?)),
        })
    }
}

fn options(settings: &StoreSettings, cluster_file: PathBuf) -> FoundationDbOptions {
    FoundationDbOptions {
        library: settings.library.clone(),
        prefix: settings.prefix.clone().into_bytes(),
        timeout_ms: i32::try_from(settings.timeout_ms).unwrap_or(i32::MAX),
        ..FoundationDbOptions::new(cluster_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_words_name_a_store() {
        let places = Places::at("/s", "/r");
        let file = StoreSettings::default();
        let by = |settings: &StoreSettings| Chosen::by(settings, &places);
        assert_eq!(by(&file).unwrap(), Chosen::File("/s/store/codi2.redb".into()));
        let elsewhere = StoreSettings { path: Some("/x.redb".into()), ..file.clone() };
        assert_eq!(by(&elsewhere).unwrap(), Chosen::File("/x.redb".into()));
        let mut team = StoreSettings { kind: "foundationdb".into(), prefix: "t/".into(), ..file.clone() };
        let refused = by(&team).unwrap_err();
        assert!(refused.to_string().contains("--cluster-file"), "{refused}");
        team.cluster_file = Some("/c".into());
        let Chosen::Cluster(options) = by(&team).unwrap() else { panic!("no cluster") };
        assert_eq!((options.prefix.as_slice(), options.timeout_ms), (&b"t/"[..], 5_000));
        assert_eq!(Chosen::named("/a b".as_ref(), &team).unwrap(), Chosen::File("/a b".into()));
        assert_eq!(Chosen::named("foundationdb:/c".as_ref(), &team).unwrap(), by(&team).unwrap());
        let Chosen::Cluster(options) = Chosen::named("foundationdb:/c#u/".as_ref(), &team).unwrap() else { panic!() };
        assert_eq!((options.prefix.as_slice(), options.cluster_file), (&b"u/"[..], "/c".into()));
        assert_eq!(codi2_config::PREFIX_BYTES, foundationdb::PREFIX_BYTES);
        // Opened where nothing is, it says what is missing.
        let error = by(&team).unwrap().open().err().unwrap();
        assert!(error.to_string().contains("cluster file cannot be read"), "{error}");
    }
}
