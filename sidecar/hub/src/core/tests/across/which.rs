//! Which block was moved, beside lines like its own and beside what the mover wrote, and how many lines are looked at for it.

use codi2_protocol::HookPhase;

use super::*;
use crate::core::across::COMPARED;

/// Which of two equal lines a difference takes for the one that went, or came, says nothing of whether a block was moved.
#[test]
fn a_block_between_lines_that_are_like_its_own() {
    let [first, second, third] =
        ["fn written_by_ada() {\n", "    let answer = everything(42);\n", "    print(answer, 42);\n"];
    let block = [first, second, third].concat();
    // What stands before it and behind it, where it goes from and where it comes to.
    let around = [("", ""), (third, ""), ("", first), (second, third)];
    for (from, to) in around.iter().flat_map(|from| around.map(|to| (*from, to))) {
        let ((above, below), (over, under)) = (from, to);
        if from == to && !under.is_empty() && over.is_empty() {
            // As well it may be that the last two lines went, with the next one, behind the one that is like it.
            continue;
        }
        for is_back in [false, true] {
            let mut w = World::new(&[("a.rs", &[HEAD, above].concat()), ("b.rs", &[HEAD, over].concat())]);
            w.opens("ada", "a.rs");
            w.types("ada", "a.rs", HEAD.len() + above.len(), &block);
            w.types("ada", "a.rs", HEAD.len() + above.len() + block.len(), below);
            w.saves("ada", "a.rs");
            w.closes("ada", "a.rs");
            w.opens("bea", "b.rs");
            w.types("bea", "b.rs", HEAD.len() + over.len(), under);
            w.saves("bea", "b.rs");
            w.closes("bea", "b.rs");
            let cut = |w: &mut World| writes(w, "bot", "a.rs", &[HEAD, above, below].concat());
            let put = |w: &mut World| writes(w, "bot", "b.rs", &[HEAD, over, &block, under].concat());
            if is_back {
                put(&mut w);
                cut(&mut w);
            } else {
                cut(&mut w);
                put(&mut w);
            }
            let lines = w.blame("b.rs");
            let all = [OLD].into_iter().chain((!over.is_empty()).then_some(OLD)).chain([TYPED; 3]);
            let all = all.chain((!under.is_empty()).then_some("person bea declared EditorDeclared"));
            assert_eq!(lines, all.collect::<Vec<_>>(), "{from:?} {to:?} {is_back}\n{:#?}", w.log(0));
        }
    }
}

/// What an agent wrote and takes out again with more, to put it elsewhere, has not gone to where the agent wrote it.
#[test]
fn a_block_with_lines_of_the_movers_own() {
    let own = "fn written_by_bot() {\n    return compute_default();\n";
    for is_back in [false, true] {
        for copied in [false, true] {
            let mut w = world();
            writes(&mut w, "bot", "a.rs", &[HEAD, BLOCK, own].concat());
            if copied {
                writes(&mut w, "bot", "c.rs", own);
            }
            let text = [HEAD, BLOCK, own].concat();
            if is_back {
                w.hook(HookPhase::Before, "bot", &["a.rs", "b.rs"]);
                w.put("b.rs", &text);
                w.watch_sees("b.rs");
                w.put("a.rs", HEAD);
                w.watch_sees("a.rs");
                w.hook(HookPhase::After, "bot", &["a.rs", "b.rs"]);
            } else {
                writes(&mut w, "bot", "a.rs", HEAD);
                writes(&mut w, "bot", "b.rs", &text);
            }
            assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, BOT, BOT, BOT], "{is_back} {copied}\n{:#?}", w.log(0));
            if copied {
                assert_eq!(w.blame("c.rs"), [BOT, BOT]);
            }
        }
    }
}

/// An agent that indents many files leaves many lines: a small edit is compared with those it may have to do with.
#[test]
fn a_small_edit_beside_many_changed_files() {
    const LINES: usize = 8;
    let text = |file: usize, indent: &str, lines: usize| -> String {
        let line = |line: usize| format!("{indent}let line_{file}_{line} = 1;\n{indent}}}\n");
        (0..lines).map(line).collect()
    };
    let names: Vec<String> = (0..8).map(|file| format!("f{file}.rs")).collect();
    let mut w = World::new(&[]);
    for (file, name) in names.iter().enumerate() {
        w.program_writes(name, text(file, "", LINES));
    }
    w.tick(codi2_attribution::OPEN_MS + 1_000);
    w.hook(HookPhase::Before, "bot", &[]);
    for (file, name) in names.iter().enumerate() {
        w.put(name, text(file, "    ", LINES));
        w.watch_sees(name);
    }
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.core.kept.values().filter(|kept| kept.parted.is_some()).count(), names.len());
    let before = COMPARED.get();
    writes(&mut w, "bot", "f0.rs", &text(0, "    ", LINES - 2));
    let compared = COMPARED.get() - before;
    // Those that it took out, those that the same file had put in, and one beside them that is like one of them.
    assert!(compared <= 2 * LINES + 5, "{compared} lines compared");
}
