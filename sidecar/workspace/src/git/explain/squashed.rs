//! What `git merge --squash` put at a path that somebody committed before anybody looked: then nothing is left of git's
//! doing but that it wrote under its lock, and that the content is the merge with another branch.

use super::{Content, Explainer, Found, Writing};
use crate::observe::GitSource;

impl Explainer<'_> {
    /// The clean merge of what was checked out with the end of another branch, which git wrote under its index lock, before
    /// the index was written. Who wrote the same by hand did not hold that.
    pub(super) fn squashed(&mut self, content: &mut Content<'_>, writing: Writing) -> Option<GitSource> {
        let (path, Found::Bytes(bytes)) = (content.path, content.found) else { return None };
        let head = self.before.head.commit.filter(|_| writing == Writing::Indexed)?;
        let ours = self.head_before(path)?;
        for end in self.view.ends().to_vec() {
            // What has all that was checked out is merged by taking it as it is, or was made here.
            let Some(base) = self.view.merge_base(head, end).filter(|base| *base != end && *base != head) else {
                continue;
            };
            let (Some(base), Some(theirs)) = (self.view.entry(base, path), self.view.entry(end, path)) else {
                continue;
            };
            if base != theirs
                && self.merge(path, base, ours, theirs).is_some_and(|(merge, clean)| clean && merge == bytes)
            {
                content.theirs = Some(theirs);
                return Some(GitSource::Merge);
            }
        }
        None
    }
}
