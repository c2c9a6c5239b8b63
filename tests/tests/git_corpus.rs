//! The git corpus from end to end: 0 lines become a person's or an agent's that were not so before, and 0 lines that were
//! theirs lose their owner. One test for each way the editor has the files open, in the main and in a linked worktree.

use codi2_tests::corpus::{Buffers, Worktree, run};

macro_rules! corpus {
    ($($name:ident: $buffers:ident, $worktree:ident;)*) => {$(
        #[test]
        fn $name() {
            let (table, good) = run(Buffers::$buffers, Worktree::$worktree);
            println!("{table}");
            assert!(good, "see the table");
        }
    )*};
}

corpus! {
    closed_main: Closed, Main;
    closed_linked: Closed, Linked;
    clean_main: Clean, Main;
    clean_linked: Clean, Linked;
    dirty_main: Dirty, Main;
    dirty_linked: Dirty, Linked;
}
