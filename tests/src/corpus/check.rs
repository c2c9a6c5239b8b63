//! Who owns each line, and who should: what the hub says of every file and buffer, against the tokens in their lines.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use codi2_protocol::{ActorKind, Call, FileId, OwnersReply, Reply, StampedEvent};
use codi2_text::{Text, digest_of, lines_by};

use super::case::Case;
use super::tally::Tally;
use crate::editor::read_text;
use crate::{Blame, DEADLINE, program};

/// How long late evidence may take before a line without its owner counts as lost.
const PATIENCE: Duration = Duration::from_secs(4);

impl Case<'_> {
    /// All files of the worktree by path below its root; other repositories inside it are not its files.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
                if name.starts_with(".git") {
                    continue;
                }
                if entry.is_dir() {
                    if !entry.join(".git").exists() {
                        folders.push(entry);
                    }
                } else {
                    let below = entry.strip_prefix(&self.root).expect("inside");
                    files.push(below.to_str().expect("UTF-8").to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// Checks every line of every file and of every buffer. A wrong owner counts at once; one that is missing only when
    /// late evidence had its time.
    pub(super) fn check(&mut self, when: &str, tally: &mut Tally) {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut now = Tally::default();
            self.look(when, &mut now);
            for wrong in &now.wrong {
                if !tally.wrong.contains(wrong) {
                    tally.wrong.push(wrong.clone());
                }
            }
            if (now.wrong.is_empty() && now.lost.is_empty()) || Instant::now() > end {
                tally.lines += now.lines;
                tally.owned += now.owned;
                tally.lost.extend(now.lost);
                return;
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn look(&mut self, when: &str, tally: &mut Tally) {
        for file in self.files() {
            let Some((text, _)) = read_text(&fs::read(self.root.join(&file)).expect("a file")) else { continue };
            match self.owners(&file, false) {
                Ok(reply) => self.judge(&format!("{when}, {file}"), &file, &text, &reply, tally),
                Err(problem) => tally.lost.push(format!("{when}, {file}: {problem}")),
            }
        }
        let Some(editor) = &self.editor else { return };
        let open: Vec<_> = editor.files().into_iter().map(|path| (editor.text(&path).to_owned(), path)).collect();
        for (text, path) in open {
            let file = path.strip_prefix(&self.root).expect("inside").to_str().expect("UTF-8").to_owned();
            match self.owners(&file, true) {
                Ok(reply) => self.judge(&format!("{when}, buffer {file}"), &file, &text, &reply, tally),
                Err(problem) => tally.lost.push(format!("{when}, buffer {file}: {problem}")),
            }
        }
    }

    fn owners(&mut self, file: &str, buffer: bool) -> Result<OwnersReply, String> {
        let file = FileId { worktree: self.worktree.clone(), path: file.replace('%', "%25") };
        match self.hub.call_within(Call::Owners { file, digest: None, buffer }, DEADLINE) {
            Ok(Reply::Owners(reply)) => Ok(reply),
            Ok(other) => panic!("no owners: {other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn judge(&self, at: &str, file: &str, text: &str, reply: &OwnersReply, tally: &mut Tally) {
        if *reply.digest.bytes() != digest_of(text.as_bytes()) {
            let found = if reply.text.as_deref() == Some(text) { "its digest" } else { "its text" };
            tally.lost.push(format!("{at}: the hub has another state of it ({found}){}", self.story(Some(file))));
            return;
        }
        let kinds = kinds(text, reply);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert_eq!(kinds.len(), lines.len(), "{at}: lines of {text:?}");
        for (number, (line, (kind, name))) in lines.iter().zip(kinds).enumerate() {
            let line = line.trim_end_matches(['\r', '\n']);
            tally.lines += 1;
            let mark = self.marks.iter().find(|mark| line.contains(&mark.token));
            let somebody =
                matches!(kind, ActorKind::Person | ActorKind::Agent | ActorKind::Completion | ActorKind::Orchestrator);
            let finding = || format!("{at}:{} {line:?} is of {kind} {name:?}{}", number + 1, self.story(Some(file)));
            match mark {
                None if somebody => tally.wrong.push(finding()),
                None => {}
                Some(mark) => {
                    tally.owned += 1;
                    if somebody && kind != mark.kind {
                        tally.wrong.push(finding());
                    } else if kind != mark.kind && line == mark.line {
                        tally.lost.push(finding());
                    }
                }
            }
        }
    }

    /// What the log says of a file; of all files for `None`. Only where a single script was asked for.
    pub(super) fn story(&self, file: Option<&str>) -> String {
        if std::env::var_os("CODI2_CORPUS").is_none() {
            return String::new();
        }
        let about =
            |event: &&StampedEvent| file.is_none() || event.event.file.is_none() || event.event.file.as_deref() == file;
        let lines = self.seen.iter().filter(about).map(|event| {
            let body = serde_json::to_string(&event.event.body).unwrap_or_default();
            format!("\n    {} {} {body}", event.event.file.as_deref().unwrap_or("-"), event.event.actor)
        });
        lines.collect()
    }

    /// The command line says the same as the hub.
    pub(super) fn compare_with_blame(&mut self) {
        let Some(file) =
            self.files().into_iter().find(|file| fs::read(self.root.join(file)).is_ok_and(|b| !b.contains(&0)))
        else {
            return;
        };
        let output =
            self.world.command(program()).args(["blame", "--format", "json"]).arg(self.root.join(&file)).output();
        let output = output.expect("codi2 starts");
        assert!(output.status.success(), "blame {file}: {}", String::from_utf8_lossy(&output.stderr));
        let (text, _) = read_text(&fs::read(self.root.join(&file)).expect("a file")).expect("text");
        let reply = self.owners(&file, false).expect("owners");
        let expected: Vec<&str> = kinds(&text, &reply).iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(Blame::parse(&String::from_utf8_lossy(&output.stdout)).kinds(), expected);
    }
}

/// Owner's kind and name for each line.
fn kinds(text: &str, reply: &OwnersReply) -> Vec<(ActorKind, String)> {
    let origin = |owner: &u32| reply.owners[*owner as usize].verdict.origin.clone();
    let spans = reply.spans.iter().map(|span| (span.len as usize, span.owner));
    let lines = lines_by(&Text::new(text), spans, origin);
    lines.iter().map(|line| origin(&line.owner)).map(|actor| (actor.kind, actor.name)).collect()
}
