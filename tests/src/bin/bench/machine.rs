//! The machine a run was made on: no number means anything without it.

use std::path::Path;
use std::process::Command;

use codi2_tests::root;

/// What belongs above the tables, as a list in Markdown. `folder`: where the store and the floor's files lie.
pub fn described(folder: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let system = file_system(&read("/proc/self/mountinfo"), folder).unwrap_or_else(|| "unknown".to_owned());
    let volatile = if system == "tmpfs" { " (nothing is ever durable there: the syncs say nothing)" } else { "" };
    format!(
        "- date: {}, commit {}\n- machine: {cores} cores, {model}, {memory} memory, Linux {}\n- state folder on {system}{volatile}\n- load average at the start: {}\n",
        said("date", &["--utc", "+%F %H:%M UTC"]),
        commit(),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
    )
}

fn commit() -> String {
    let id = said("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    let changed = if changed.is_empty() { "" } else { " with uncommitted changes" };
    if id.is_empty() { "unknown".to_owned() } else { format!("{id}{changed}") }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// The first `name: value` of a file in `/proc`.
pub fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the file system that holds `folder`.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let held = mounts.lines().filter_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let point = Path::new(head.split(' ').nth(4)?);
        let kind = tail.split(' ').next()?;
        folder.starts_with(point).then(|| (point.components().count(), kind.to_owned()))
    });
    // The later of two mounts on one point hides the earlier.
    held.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_holds_a_folder() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /tmp rw shared:1 - tmpfs tmpfs rw\n3 1 0:2 / /tmpo rw - xfs x rw\n";
        for (folder, kind) in [("/tmp/x", "tmpfs"), ("/tmpx", "ext4"), ("/", "ext4"), ("/tmpo", "xfs")] {
            assert_eq!(file_system(mounts, Path::new(folder)).as_deref(), Some(kind), "{folder}");
        }
        assert_eq!(file_system("", Path::new("/")), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmRSSx:\t 1 kB\nVmRSS:\t  4048 kB\nmodel name\t: A: B\n";
        assert_eq!(field(text, "VmRSS").as_deref(), Some("4048 kB"));
        assert_eq!(field(text, "model name").as_deref(), Some("A: B"));
        assert_eq!(field(text, "Vm"), None);
    }
}
