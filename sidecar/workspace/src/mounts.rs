//! Which file systems give no change events, so that their folders are polled. Linux: `/proc/self/mountinfo`.
//! Other systems: untested, every file system is taken to give events.

use std::path::Path;

/// Kinds of file system whose changes may be made on another machine or outside the kernel, and so raise no events.
const SILENT: [&str; 12] =
    ["9p", "drvfs", "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "vboxsf", "prl_fs", "virtiofs", "fuse"];

/// The name of the file system a folder lies on, if it gives no events.
pub fn silent(folder: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let kind = kind_of(&table, folder)?;
    is_silent(&kind).then_some(kind)
}

fn is_silent(kind: &str) -> bool {
    SILENT.contains(&kind) || kind.starts_with("fuse.")
}

/// The kind of the last and longest mount that holds the folder. Fields: `36 35 98:0 /root /mount opts - kind source`.
fn kind_of(table: &str, folder: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in table.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(mount), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        let mount = mount.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
        if folder.starts_with(&mount) && best.is_none_or(|(length, _)| mount.len() >= length) {
            best = Some((mount.len(), kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs
41 22 0:36 / /mnt/c/cache rw - tmpfs tmpfs rw
42 22 0:37 / /home/a\\040b rw master:1 - fuse.sshfs host:/ rw
43 22 0:38 / /over rw - ext4 /dev/sdb rw
44 43 0:39 / /over rw - nfs4 host:/x rw
";

    #[test]
    fn longest_and_last_mount_decides() {
        for (folder, kind, is) in [
            ("/work/x", "ext4", false),
            ("/mnt/c/Users", "9p", true),
            ("/mnt/cc", "ext4", false),
            ("/mnt/c/cache/x", "tmpfs", false),
            ("/home/a b/x", "fuse.sshfs", true),
            ("/over/x", "nfs4", true),
        ] {
            assert_eq!(kind_of(TABLE, Path::new(folder)).as_deref(), Some(kind), "{folder}");
            assert_eq!(is_silent(kind), is, "{folder}");
        }
    }
}
