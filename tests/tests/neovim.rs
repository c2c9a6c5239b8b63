//! A person in a real Neovim, inside a real repository: what the log and blame say of what she does, and of what
//! happens beside her.

use codi2_tests::{Agent, Blame, Entry, Neovim, World, neovim_program, skip, wait_for};

/// A scenario; skipped by name where there is no Neovim.
macro_rules! scenario {
    ($(#[$doc:meta])* $name:ident $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            if let Err(reason) = neovim_program() {
                skip!(stringify!($name), "{reason}");
            }
            $body
        }
    };
}

/// The rows of the blame view, parted by `|`; nothing where there is none.
const BLAME: &str = "for _, win in ipairs(vim.api.nvim_list_wins()) do
        local bufnr = vim.api.nvim_win_get_buf(win)
        if vim.api.nvim_buf_get_name(bufnr):find('codi2://blame', 1, true) then
            return table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, true), '|')
        end
    end
    return ''";

/// Edits of a person in the log.
fn persons(log: &[Entry]) -> Vec<&Entry> {
    log.iter().filter(|entry| entry.kind() == "edit" && entry.actor() == "person").collect()
}

/// Saves, and waits until the hub knows that the file holds the buffer's text.
fn save(world: &World, neovim: &mut Neovim, file: &str) {
    let before = saves(&world.log(), file);
    neovim.save();
    world.wait_log("the save", |log| (saves(log, file) > before).then_some(()));
}

fn saves(log: &[Entry], file: &str) -> usize {
    log.iter().filter(|entry| entry.kind() == "saved" && entry.file() == file).count()
}

scenario! {
    a_typed_line_is_the_persons {
        let world = World::new(&[("a.txt", "one\ntwo\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("othree<Esc>");
        let entry = world.wait_log("the person's edit", |log| persons(log).first().copied().cloned());
        assert_eq!((entry.file(), entry.actor_name()), ("a.txt", world.person()));
        // Before it is saved, for whoever asks for the buffer; then for everybody.
        world.wait_blame("the unsaved line is the person's", "a.txt", true, |blame| {
            blame.kinds() == ["unknown", "person", "unknown"]
        });
        save(&world, &mut neovim, "a.txt");
        let blame = world.wait_blame("the saved line is the person's", "a.txt", false, |blame| {
            blame.kinds() == ["unknown", "person", "unknown"]
        });
        assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), (world.person(), "declared"));
        assert_eq!(blame.lines[0].evidence, ["before-codi2"]);
        let log = world.log();
        world.wait_no_strangers();
        assert_eq!(persons(&log).iter().map(|entry| entry.inserted()).sum::<u64>(), "three\n".len() as u64);
    }
}

scenario! {
    a_paste_from_outside_is_nobodys_and_a_put_keeps_its_owner {
        let world = World::new(&[("a.txt", "one\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("otyped by hand, and rather long<Esc>");
        neovim.type_keys("o<Esc>");
        neovim.paste("this came from a clipboard\n");
        neovim.type_keys("ggjyyGp");
        save(&world, &mut neovim, "a.txt");
        assert_eq!(neovim.lines().last().map(String::as_str), Some("typed by hand, and rather long"));
        world.wait_blame("the paste is nobody's, the put the person's", "a.txt", false, |blame| {
            let of = |text: &str| world.read("a.txt").lines().position(|line| line.contains(text)).map(|at| &blame.lines[at]);
            of("clipboard").is_some_and(|line| line.kind == "unknown" && line.evidence.iter().any(|e| e == "editor-declared"))
                && of("typed").is_some_and(|line| line.kind == "person")
                && blame.lines.last().is_some_and(|line| line.kind == "person")
        });
    }
}

scenario! {
    undo_of_a_delete_gives_every_line_its_owner_back {
        let world = World::new(&[("a.txt", "one\ntwo\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("omine<Esc>");
        save(&world, &mut neovim, "a.txt");
        // Old lines and hers go, each in a change of its own, and come back.
        neovim.type_keys("ggdd");
        neovim.type_keys("dd");
        neovim.type_keys("dd");
        assert_eq!(neovim.lines(), [""]);
        neovim.type_keys("uuu");
        assert_eq!(neovim.lines(), ["one", "mine", "two"]);
        let wanted = |blame: &Blame| {
            blame.kinds() == ["unknown", "person", "unknown"]
                && blame.lines[0].evidence.iter().any(|kind| kind == "before-codi2")
        };
        world.wait_log("the undo", |log| {
            let edits: Vec<_> = log.iter().filter(|entry| entry.kind() == "edit").collect();
            (edits.iter().map(|entry| entry.deleted()).sum::<u64>() >= 12
                && edits.iter().map(|entry| entry.inserted()).sum::<u64>() >= 5 + 12)
                .then_some(())
        });
        world.wait_blame("the lines are whose they were", "a.txt", true, wanted);
        neovim.type_keys("x");
        neovim.type_keys("u");
        // What is written is what was there: no event, and no owner changes.
        neovim.command("write!");
        world.wait_blame("and so on disk", "a.txt", false, wanted);
    }
}

scenario! {
    a_formatter_owns_no_code {
        let world = World::new(&[("a.c", "int main() {\nint old = 1;\n}\n")]);
        let mut neovim = Neovim::open_with(&world, "a.c", "vim.o.cindent = true\nvim.o.autoindent = false");
        neovim.type_keys("jo");
        neovim.type_keys("int mine = 2;<Esc>");
        neovim.type_keys("0d^");
        save(&world, &mut neovim, "a.c");
        neovim.type_keys("gg=G");
        save(&world, &mut neovim, "a.c");
        assert!(world.read("a.c").contains("\tint old = 1;"), "{}", world.read("a.c"));
        let blame = world.wait_blame("each line is whose it was", "a.c", false, |blame| {
            blame.kinds() == ["unknown", "unknown", "person", "unknown"]
        });
        assert!(blame.lines.iter().all(|line| line.kind != "tool"));
    }
}

scenario! {
    an_accepted_completion_is_a_completions {
        let world = World::new(&[("a.txt", "extraordinarily\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("oex<C-n><C-y><Esc>");
        assert_eq!(neovim.lines(), ["extraordinarily", "extraordinarily"]);
        save(&world, &mut neovim, "a.txt");
        let blame = world.wait_blame("the completion's line", "a.txt", false, |blame| {
            blame.kinds() == ["unknown", "completion"]
        });
        assert_eq!(blame.lines[1].name, "keyword");
    }
}

scenario! {
    a_write_from_outside_that_the_editor_loads_is_not_the_persons {
        let world = World::new(&[("a.txt", "one\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        world.wait_until_watched();
        world.write("a.txt", "one\nfrom outside\n");
        neovim.lua("vim.cmd.checktime()");
        wait_for("the reload", String::new, || (neovim.lines().len() == 2).then_some(()));
        for buffer in [true, false] {
            world.wait_blame("the line is a stranger's", "a.txt", buffer, |blame| {
                blame.kinds() == ["unknown", "external"]
            });
        }
        assert_eq!(persons(&world.log()).len(), 0, "{}", world.explain());
        // She goes on in the same buffer.
        neovim.type_keys("Gohers<Esc>");
        save(&world, &mut neovim, "a.txt");
        world.wait_blame("her line is hers, the other stays a stranger's", "a.txt", false, |blame| {
            blame.kinds() == ["unknown", "external", "person"]
        });
    }
}

scenario! {
    a_branch_switch_under_an_open_buffer_is_gits {
        let world = World::new(&[("a.txt", "one\n")]);
        world.git(&["switch", "--quiet", "--create", "other"]);
        world.write("a.txt", "one\non the other branch\n");
        world.git(&["commit", "--quiet", "--all", "--message", "other"]);
        world.git(&["switch", "--quiet", "main"]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("ohers<Esc>");
        save(&world, &mut neovim, "a.txt");
        world.git(&["commit", "--quiet", "--all", "--message", "hers"]);
        let mut switch = |branch: &str, text: &[&str]| {
            world.git(&["switch", "--quiet", branch]);
            neovim.lua("vim.cmd.checktime()");
            wait_for("the reload", String::new, || (neovim.lines() == text).then_some(()));
        };
        switch("other", &["one", "on the other branch"]);
        for buffer in [false, true] {
            world.wait_blame("the other branch's line is git's", "a.txt", buffer, |blame| {
                matches!(blame.kinds()[..], ["unknown", "git" | "unknown"])
            });
        }
        world.wait_log("the switch", |log| {
            log.iter().any(|entry| entry.kind() == "git" && entry.operation() == "checkout").then_some(())
        });
        switch("main", &["one", "hers"]);
        for buffer in [false, true] {
            world.wait_blame("her line is hers again", "a.txt", buffer, |blame| blame.kinds() == ["unknown", "person"]);
        }
        let log = world.log();
        world.wait_no_strangers();
        let written: u64 = persons(&log).iter().map(|entry| entry.inserted()).sum();
        assert_eq!(written, "hers\n".len() as u64, "a switch is no typing:\n{}", world.explain());
    }
}

scenario! {
    two_neovims_on_one_file_are_two_sessions {
        let world = World::new(&[("a.txt", "one\ntwo\n")]);
        let mut first = Neovim::open(&world, "a.txt");
        let mut second = Neovim::open(&world, "a.txt");
        first.type_keys("ggOfrom the first<Esc>");
        save(&world, &mut first, "a.txt");
        second.lua("vim.cmd.checktime()");
        wait_for("the reload", String::new, || (second.lines().len() == 3).then_some(()));
        second.type_keys("Gofrom the second<Esc>");
        save(&world, &mut second, "a.txt");
        world.wait_blame("both lines are the person's", "a.txt", false, |blame| {
            blame.kinds() == ["person", "unknown", "unknown", "person"]
        });
        // Unsaved, the two buffers are two branches; the file on disk is neither.
        second.type_keys("ggx");
        first.lua("vim.cmd.checktime()");
        wait_for("the reload", String::new, || (first.lines().len() == 4).then_some(()));
        first.type_keys("Gohere alone<Esc>");
        world.wait_log("three edits of two sessions", |log| {
            let edits = persons(log);
            let mut sessions: Vec<_> = edits.iter().map(|entry| entry.session()).collect();
            sessions.sort_unstable();
            sessions.dedup();
            (edits.len() >= 4 && sessions.len() == 2).then_some(())
        });
        assert_eq!(world.blame("a.txt").kinds(), ["person", "unknown", "unknown", "person"]);
        world.wait_no_strangers();
    }
}

scenario! {
    a_hub_killed_while_she_types_loses_nothing_and_doubles_nothing {
        let world = World::new(&[("a.txt", "one\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        let text = "before the hub dies, while it is away, and after it is back again";
        neovim.type_keys("o");
        let mut killed = Vec::new();
        for (index, part) in text.split_inclusive(", ").enumerate() {
            if index > 0 {
                killed.push(world.kill_hub());
            }
            neovim.type_keys(part);
        }
        neovim.type_keys("<Esc>");
        assert_eq!(killed.len(), 2);
        let wanted = text.len() as u64 + 1;
        let log = world.wait_log("every character, once", |log| {
            let inserted: u64 = persons(log).iter().map(|entry| entry.inserted()).sum();
            assert!(inserted <= wanted, "{inserted} bytes recorded, {wanted} typed: something is there twice");
            (inserted == wanted).then(|| log.to_vec())
        });
        let mut ids: Vec<_> = log.iter().map(Entry::id).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "an event is there twice");
        save(&world, &mut neovim, "a.txt");
        world.wait_blame("the line is hers", "a.txt", false, |blame| blame.kinds() == ["unknown", "person"]);
        assert_eq!(world.read("a.txt"), format!("one\n{text}\n"));
    }
}

scenario! {
    an_announced_agent_writes_beside_her {
        let world = World::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        world.wait_until_watched();
        let agent = Agent::new(&world);
        agent.announce(&["a.txt", "b.txt"]);
        // She types while the agent's call is open: hers.
        neovim.type_keys("ohers<Esc>");
        save(&world, &mut neovim, "a.txt");
        world.write("b.txt", "one\nby the agent\n");
        agent.done(&["b.txt"]);
        let theirs = world.wait_blame("the agent's line", "b.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
        assert_eq!(theirs.lines[1].name, agent.name);
        world.wait_blame("her line", "a.txt", false, |blame| blame.kinds() == ["unknown", "person"]);
        // The agent in her file: its line is its own, hers stays hers.
        agent.write("a.txt", "one\nhers\nby the agent\n");
        neovim.lua("vim.cmd.checktime()");
        wait_for("the reload", String::new, || (neovim.lines().len() == 3).then_some(()));
        for buffer in [false, true] {
            world.wait_blame("each has a line", "a.txt", buffer, |blame| blame.kinds() == ["unknown", "person", "agent"]);
        }
    }
}

scenario! {
    a_plugins_edit_is_a_tools {
        let world = World::new(&[("a.txt", "one\n"), ("plugin/busy.nvim/lua/busy.lua",
            "return { edit = function() vim.api.nvim_buf_set_lines(0, -1, -1, false, { 'by a plugin' }) end }\n")]);
        let settings = "vim.opt.runtimepath:append(vim.fn.getcwd() .. '/plugin/busy.nvim')";
        let mut neovim = Neovim::open_with(&world, "a.txt", settings);
        neovim.command("lua require('busy').edit()");
        save(&world, &mut neovim, "a.txt");
        let blame = world.wait_blame("the plugin's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "tool"]);
        assert_eq!(blame.lines[1].name, "busy.nvim");
    }
}

scenario! {
    the_client_shows_what_notes_know {
        let world = World::new(&[("a.txt", "one\n")]);
        let note = r#"{"codi2":1,"owners":[{"origin":{"kind":"agent","name":"robo"},"class":"exact","evidence":[]}],"files":{"a.txt":[[1,1,0]]}}"#;
        world.git(&["notes", "--ref=codi2", "add", "-m", note]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.command("Codi2Blame");
        wait_for("the author", || world.explain(), || {
            let rows = neovim.lua(BLAME);
            let row = rows.as_str().unwrap_or_default();
            (row.starts_with("agent robo") && row.contains("exact")).then_some(())
        });
    }
}

scenario! {
    the_client_shows_what_the_program_knows {
        let world = World::new(&[("a.txt", "one\n")]);
        let mut neovim = Neovim::open(&world, "a.txt");
        neovim.type_keys("ohers<Esc>");
        wait_for("a healthy status line", || world.explain(), || {
            let line = neovim.lua("return require('codi2').statusline()");
            let line = line.as_str().unwrap_or_default();
            (line.contains("codi2") && !line.contains(['✗', '!']) && !line.contains("starting")).then_some(())
        });
        world.wait_blame("the line is hers", "a.txt", true, |blame| blame.kinds() == ["unknown", "person"]);
        neovim.command("Codi2Blame");
        let name = world.person().split(" <").next().unwrap_or_default().to_owned();
        let shows = |neovim: &mut Neovim, what: &str, wanted: &dyn Fn(&[&str]) -> bool| {
            wait_for(what, || world.explain(), || {
                let shown = neovim.lua(BLAME);
                let shown: Vec<&str> = shown.as_str().unwrap_or_default().split('|').collect();
                wanted(&shown).then_some(())
            });
        };
        let hers = |row: &str| row.starts_with(&name) && row.contains("declared");
        shows(&mut neovim, "the view", &|rows| {
            matches!(rows, [first, second] if first.starts_with("unknown") && hers(second))
        });
        // It follows what she types, and whose it turns out to be.
        neovim.type_keys("<C-w>lggOmore<Esc>");
        shows(&mut neovim, "the view after an edit", &|rows| {
            matches!(rows, [first, second, third] if hers(first) && second.starts_with("unknown") && hers(third))
        });
        neovim.type_keys(":Codi2Blame<CR>");
        shows(&mut neovim, "no view", &|rows| rows == [""]);
        neovim.type_keys("jj");
        neovim.command("Codi2Lens");
        let lens = "local words = {}
            for _, lens in ipairs(vim.lsp.codelens.get(0)) do words[#words + 1] = lens.command.title end
            return table.concat(words, '|')";
        let said = wait_for("a lens with shares", || world.explain(), || {
            let said = neovim.lua(lens);
            let said = said.as_str().unwrap_or_default().to_owned();
            (said.contains('%') && !said.contains("not judged")).then_some(said)
        });
        // 10 bytes of 14.
        assert_eq!(said, format!("{name} 71% · unknown 29%"));
        neovim.command("Codi2Hints");
        let hints = "local words = {}
            for _, hint in ipairs(vim.lsp.inlay_hint.get({ bufnr = 0 })) do
                words[#words + 1] = hint.inlay_hint.position.line .. ' ' .. hint.inlay_hint.label
            end
            return table.concat(words, '|')";
        wait_for("hints", || world.explain(), || {
            let said = neovim.lua(hints);
            let said: Vec<&str> = said.as_str().unwrap_or_default().split('|').collect();
            let hers = |hint: &str, line: usize| hint.starts_with(&format!("{line} {name}, "));
            matches!(said[..], [first, second, third] if hers(first, 0) && second == "1 unknown" && hers(third, 2))
                .then_some(())
        });
        let hover = "local p = vim.lsp.util.make_position_params(0, 'utf-8')
             local client = vim.lsp.get_clients({ name = 'codi2' })[1]
             local reply = client.request_sync('textDocument/hover', p, 5000, 0)
             return vim.inspect(reply)";
        let said = wait_for("a hover", || world.explain(), || {
            let said = neovim.lua(hover);
            let said = said.as_str().unwrap_or_default().to_owned();
            said.contains("person").then_some(said)
        });
        assert!(said.contains("Ada Example") && said.contains("declared"), "{said}");
        assert_eq!(neovim.lua("return require('codi2.guard').errors"), 0.into());
        neovim.quit();
        world.wait_log("the session's end", |log| log.iter().any(|entry| entry.kind() == "session-ended").then_some(()));
    }
}

scenario! {
    a_command_over_an_agents_lines_leaves_them_the_agents {
        let code = "for entry in entries(&file, limit) {\n    let entry = entry?;\n    if entry.size > limit {\n        go();\n    }\n}\n";
        let joined = "a first line of the agent here\na second line of the agent here\n";
        let world = World::new(&[("a.rs", ""), ("b.rs", ""), ("c.txt", "")]);
        let agent = Agent::new(&world);
        for (file, text) in [("a.rs", code), ("b.rs", code), ("c.txt", joined)] {
            agent.write(file, text);
            world.wait_blame("the agent's lines", file, false, |blame| blame.kinds().iter().all(|kind| *kind == "agent"));
        }
        let mut neovim = Neovim::open(&world, "a.rs");
        neovim.command("%s/entry/one_entry/g");
        save(&world, &mut neovim, "a.rs");
        neovim.command("edit b.rs");
        neovim.wait_attached();
        neovim.type_keys("2G0<C-v>3j3ld");
        save(&world, &mut neovim, "b.rs");
        neovim.command("edit c.txt");
        neovim.wait_attached();
        neovim.type_keys("2G0i<BS><Esc>");
        save(&world, &mut neovim, "c.txt");
        assert!(world.read("a.rs").contains("let one_entry = one_entry?"), "{}", world.read("a.rs"));
        assert!(world.read("b.rs").contains("\nlet entry"), "{}", world.read("b.rs"));
        assert_eq!(world.read("c.txt").lines().count(), 1);
        for file in ["a.rs", "b.rs", "c.txt"] {
            world.wait_blame("nobody typed them", file, false, |blame| blame.kinds().iter().all(|kind| *kind == "agent"));
        }
    }
}
