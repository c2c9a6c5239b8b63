//! Connections to the real hub: whoever asks is answered, however short his connection is.

use std::time::Duration;

use codi2_ipc::Places;
use codi2_ipc::blocking::Link;
use codi2_protocol::{Call, Reply};
use codi2_tests::World;

#[test]
fn the_first_question_of_each_connection_is_answered() {
    let world = World::new(&[]);
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let places = Places::at(world.state(), world.runtime());
    for number in 0..500 {
        let mut link = Link::connect(&places, "test").expect("the hub runs");
        // An answer that was lost never comes: this waits long, but only when it fails.
        let answer = link.call_within(Call::Status, Duration::from_secs(20));
        assert!(matches!(answer, Ok(Reply::Status(_))), "connection {number}: {answer:?}");
    }
}
