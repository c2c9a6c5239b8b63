//! With which e-mail address git would commit here: what tells that a commit was made here. Read from the configuration
//! as libgit2 does; git itself is asked where it may know better. Absent on purpose: the name, which any clone may have.

use super::View;

/// Variables of the environment by which git takes another one, or reads another configuration.
const VARIABLES: [&str; 2] = ["GIT_COMMITTER_", "GIT_CONFIG"];

/// What git takes from both ends of an address, besides blanks and control characters, and anywhere in it.
const CRUD: &str = ".,:;<>\"\\'";

/// The address; none where git would not commit.
pub(super) fn address(view: &View) -> Option<String> {
    let is_elsewhere = std::env::vars_os().any(|(name, _)| {
        let name = name.to_string_lossy();
        // What the system says is left to git anyway.
        name != "GIT_CONFIG_NOSYSTEM" && VARIABLES.iter().any(|start| name.starts_with(start))
    });
    let configured = view.library.as_ref().filter(|_| !is_elsewhere).and_then(|library| library.committer_here());
    configured.filter(|(name, address)| is_plain(name) && is_plain(address)).map(|(_, address)| address).or_else(|| {
        // `Name <e-mail> seconds zone`.
        let identity = view.program.line(&["var", "GIT_COMMITTER_IDENT"])?;
        let (address, _) = identity.split_once('<')?.1.split_once('>')?;
        (!address.is_empty()).then(|| address.to_owned())
    })
}

/// Whether git would take it as it is.
fn is_plain(value: &str) -> bool {
    let is_crud = |letter: char| letter <= ' ' || CRUD.contains(letter);
    !value.is_empty() && !value.starts_with(is_crud) && !value.ends_with(is_crud) && !value.contains(['<', '>', '\n'])
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_git_would_change_is_not_plain() {
        for value in ["a@b", "Ada Example", "J. Doe"] {
            assert!(super::is_plain(value), "{value}");
        }
        for value in ["", " a@b", "a@b.", "<a@b>", "a\n@b", "\"Ada\"", "a<b", "a\u{7}"] {
            assert!(!super::is_plain(value), "{value}");
        }
    }
}
