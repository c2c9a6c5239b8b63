//! Test binaries that play several roles: started again by a test with [`ROLE`] set they are a hub or a client,
//! otherwise they run their tests, as cargo and cargo-nextest ask. Without cargo's own harness, since that would print
//! into what a role has to say. Used by the hub's tests too.

/// Names the role that a process of this binary plays.
pub const ROLE: &str = "CODI2_TEST_ROLE";

/// The role of this process; none for the tests themselves.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Lists or runs the tests that the arguments of this process name.
pub fn run(tests: &[(&str, fn())]) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--list") {
        // As cargo-nextest asks; there are no ignored ones.
        tests.iter().filter(|_| !has("--ignored")).for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let wanted: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    for (name, test) in tests {
        let is_wanted = |arg: &&String| if has("--exact") { arg == name } else { name.contains(arg.as_str()) };
        if wanted.is_empty() || wanted.iter().any(is_wanted) {
            println!("test {name}");
            test();
        }
    }
}
