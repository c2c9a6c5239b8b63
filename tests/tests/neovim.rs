//! A person in a real Neovim, and what the log and blame say of it.

use codi2_tests::{Neovim, World, neovim_program, skip};

#[test]
fn a_typed_line_is_the_persons() {
    if let Err(reason) = neovim_program() {
        skip!("a_typed_line_is_the_persons", "{reason}");
    }
    let world = World::new(&[("a.txt", "one\ntwo\n")]);
    let mut neovim = Neovim::open(&world, "a.txt");
    neovim.type_keys("othree<Esc>");
    neovim.save();
    let entry = world.wait_log("the person's edit", |log| {
        log.iter().find(|entry| entry.kind() == "edit" && entry.actor() == "person").cloned()
    });
    assert_eq!((entry.file(), entry.actor_name()), ("a.txt", world.person()));
    world.wait_blame("the typed line is the person's", "a.txt", false, |blame| {
        blame.kinds() == ["unknown", "person", "unknown"]
    });
}
