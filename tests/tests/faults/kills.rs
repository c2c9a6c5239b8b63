//! The hub is killed again and again under load; its clients start the next one.

use codi2_tests::{World, count, counted, wait_for};

use crate::load::{Producer, log, runtime, spec};

const CLIENTS: usize = 4;
/// Facts that a client has under way, at most.
const UNDER_WAY: u64 = 200;

#[test]
fn a_killed_hub_loses_nothing_acknowledged_and_has_nothing_twice() {
    let world = World::new(&[]);
    let runtime = runtime();
    let mut clients: Vec<Producer> =
        (0..CLIENTS).map(|_| Producer::start(&runtime, &world, Some(spec(&world)))).collect();
    let rounds = count(20, 500);
    let (mut dice, mut killed) = (0x9e37_79b9_u64, 0);
    for round in 0..rounds {
        // Killed after a few or many acknowledgements more, so at any point of a commit.
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let before: u64 = clients.iter().map(Producer::acknowledged).sum();
        let enough = before + 1 + (dice >> 33) % 150;
        wait_for(
            "acknowledgements before the next kill",
            || format!("round {round}: {}", world.explain()),
            || {
                let now: u64 = clients.iter().map(Producer::acknowledged).sum();
                for client in &mut clients {
                    client.report(UNDER_WAY.saturating_sub(client.client.status().pending) / 4);
                }
                (now >= enough && world.hub_pid().is_some_and(|pid| pid != killed)).then_some(())
            },
        );
        killed = world.kill_hub();
    }
    for client in &clients {
        client.settle(&runtime);
    }
    let log = log(&world);
    for client in &clients {
        client.check(&log);
    }
    let result = format!("0 of {} acknowledged events lost, none twice", log.len());
    counted("P1", "kill -9 of the real hub under load of 4 clients", rounds, &result);
}
