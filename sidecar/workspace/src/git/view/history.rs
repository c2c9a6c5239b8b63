//! Where HEAD, branches and references are and were, and how commits hang together.

use super::View;
use crate::git::index::Index;
use crate::git::{Head, Moved, Oid, ViewError, operation};
use crate::path::git_bytes;

impl View {
    /// The commit at the end of HEAD's line of first parents. Always asks the program, which walks far without loading.
    pub(crate) fn first_commit(&self) -> Option<String> {
        self.program.line(&["rev-list", "--first-parent", "--max-parents=0", "HEAD"])
    }

    pub(crate) fn head(&self) -> Result<Head, ViewError> {
        match &self.library {
            Some(library) => library.head(),
            None => Ok(Head {
                commit: self
                    .program
                    .line(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
                    .and_then(|hex| Oid::parse(&hex)),
                branch: self
                    .program
                    .line(&["symbolic-ref", "--quiet", "HEAD"])
                    .map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name)),
            }),
        }
    }

    /// The index as it is now. libgit2 refuses split and sparse indexes: then the program reads it.
    pub(crate) fn index(&self) -> Result<Index, ViewError> {
        if self.library.is_some()
            && let Ok(index) = Index::load(&self.git_dir.join("index"))
        {
            return Ok(index);
        }
        let listing = self.program.output(&["ls-files", "-s", "-t", "-z"])?;
        Ok(Index::parse(&listing))
    }

    /// The blob at a path of a commit.
    pub(crate) fn entry(&mut self, commit: Oid, path: &str) -> Option<Oid> {
        let key = (commit, path.to_owned());
        if let Some(known) = self.entries.get(&key) {
            return *known;
        }
        let found = match &self.library {
            Some(library) => library.entry(commit, &git_bytes(path)?),
            None => {
                let name = [format!("{commit}:").as_bytes(), &git_bytes(path)?].concat();
                self.cat()?.info(&name).filter(|info| info.blob).map(|info| info.oid)
            }
        };
        // Names are immutable facts; the map is bounded by forgetting all of it.
        if self.entries.len() > 20_000 {
            self.entries.clear();
        }
        self.entries.insert(key, found);
        found
    }

    /// First parent and the others.
    pub(crate) fn parents(&mut self, commit: Oid) -> Vec<Oid> {
        match &self.library {
            Some(library) => library.parents(commit),
            None => {
                let spec = format!("{commit}^@");
                let text = self.program.output(&["rev-parse", &spec]).unwrap_or_default();
                String::from_utf8_lossy(&text).lines().filter_map(Oid::parse).collect()
            }
        }
    }

    pub(crate) fn merge_base(&mut self, one: Oid, two: Oid) -> Option<Oid> {
        match &self.library {
            Some(library) => library.merge_base(one, two),
            None => {
                self.program.line(&["merge-base", &one.to_string(), &two.to_string()]).and_then(|hex| Oid::parse(&hex))
            }
        }
    }

    /// What a reference points to, by its full name.
    pub(crate) fn reference(&self, name: &str) -> Option<Oid> {
        match &self.library {
            Some(library) => library.reference(name),
            None => self.program.line(&["rev-parse", "--verify", "--quiet", name]).and_then(|hex| Oid::parse(&hex)),
        }
    }

    /// The newest entries of a reflog that all worktrees share, oldest first.
    pub(crate) fn reflog(&self, reference: &str) -> Vec<Moved> {
        if self.library.is_some() {
            return operation::read_from(&self.common_dir.join("logs").join(reference), 0).0;
        }
        let walk = self.program.settled_output(&["log", "-g", "-n", "8", "-z", "--format=%H %gs", reference, "--"]);
        operation::parse_log_walk(&walk.unwrap_or_default())
    }

    /// New lines of HEAD's reflog since a position (`None`: only the position is wanted), and the position now.
    pub(crate) fn head_log_since(&self, from: Option<u64>) -> (Vec<Moved>, u64) {
        if self.library.is_some() || self.git_dir.join("logs/HEAD").exists() {
            let file = self.git_dir.join("logs/HEAD");
            return match from {
                Some(from) => operation::read_from(&file, from),
                None => (Vec::new(), std::fs::metadata(file).map(|meta| meta.len()).unwrap_or_default()),
            };
        }
        let count = self.program.line(&["rev-list", "-g", "--count", "HEAD", "--"]).and_then(|line| line.parse().ok());
        let count: u64 = count.unwrap_or_default();
        let new = from.map_or(0, |from| count.saturating_sub(from)).min(64);
        if new == 0 {
            return (Vec::new(), count);
        }
        // One more, so that the oldest new one knows what was before it.
        let limit = format!("{}", new + 1);
        let walk = self.program.settled_output(&["log", "-g", "-n", &limit, "-z", "--format=%H %gs", "HEAD", "--"]);
        let mut entries = operation::parse_log_walk(&walk.unwrap_or_default());
        let surplus = entries.len().saturating_sub(usize::try_from(new).unwrap_or_default());
        entries.drain(..surplus);
        (entries, count)
    }
}
