//! Where the programs under test are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The top of this clone.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a folder of the clone")
}

/// The real `codi2`: `CODI2_BIN`, else built now. A stale one is never used.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = env::var_os("CODI2_BIN") {
            return PathBuf::from(path);
        }
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "codi2", "--message-format", "json-render-diagnostics"])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        assert!(built.status.success(), "codi2 does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        // Cargo itself says where the program lies, whatever the target folder is.
        String::from_utf8_lossy(&built.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "codi2")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the program it built")
    })
}

/// A Neovim the client supports: `CODI2_NVIM`, else the one `scripts/test tools` installed, else one on the path.
/// Under `scripts/test` (`CODI2_REQUIRE_NVIM`) its absence is a failure; else the error says why to skip.
pub fn neovim_program() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let found = find_neovim();
            if let (Err(reason), Some(_)) = (&found, env::var_os("CODI2_REQUIRE_NVIM")) {
                panic!("{reason}");
            }
            found
        })
        .clone()
}

fn find_neovim() -> Result<PathBuf, String> {
    let installed = root().join(".cache/neovim-0.11.4/bin/nvim");
    let candidates = env::var_os("CODI2_NVIM").map(PathBuf::from).into_iter().chain([installed, "nvim".into()]);
    for candidate in candidates {
        let Ok(output) = Command::new(&candidate).arg("--version").output() else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let first = text.lines().next().unwrap_or_default();
        let minor = first.strip_prefix("NVIM v0.").and_then(|rest| rest.split('.').next()).and_then(|n| n.parse().ok());
        if minor.is_some_and(|minor: u32| minor >= 10) || first.starts_with("NVIM v1") {
            return Ok(candidate);
        }
    }
    Err("no Neovim of at least 0.10 here; `scripts/test tools` installs one".to_owned())
}
