//! A hub that may open few files: who is connected is served, the others wait, and it recovers.

use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use codi2_ipc::blocking::Link;
use codi2_tests::{World, counted, program, wait_for};

use crate::load::{Producer, log, places, runtime, status};

const LIMIT: usize = 64;
const CONNECTS: usize = 200;

/// A hub of our own making. Killed when dropped.
pub struct Hub(pub Child);

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hub_out_of_descriptors_serves_who_is_connected_and_recovers() {
    let world = World::new(&[]);
    let hub = world
        .command("sh")
        .args(["-c", &format!("ulimit -n {LIMIT}; exec \"$0\" hub start --foreground")])
        .arg(program())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts");
    let _hub = Hub(hub);
    wait_for("the hub", || world.explain(), || Link::connect(&places(&world), "faults").ok());
    let runtime = runtime();
    let mut client = Producer::start(&runtime, &world, None);
    client.report(10);
    client.settle(&runtime);
    let mut link = Link::connect(&places(&world), "faults").expect("the hub runs");
    let socket = places(&world).socket();
    let crowd: Vec<UnixStream> =
        (0..CONNECTS).map(|_| UnixStream::connect(&socket).expect("the system queues connections")).collect();
    wait_for(
        "the hub to say that nobody else can connect",
        || format!("{:?}", world.codi2(&["status"])),
        || {
            // Served all the while.
            client.report(1);
            client.settle(&runtime);
            let problems = status(&mut link).problems;
            problems.iter().any(|p| p.contains("nobody else can connect") && p.contains("ulimit -n")).then_some(())
        },
    );
    client.report(500);
    client.settle(&runtime);
    drop(crowd);
    wait_for(
        "new connections",
        || "none is served".to_owned(),
        || Link::connect(&places(&world), "faults").ok().map(|mut link| status(&mut link)),
    );
    wait_for("no problem", || world.explain(), || status(&mut link).problems.is_empty().then_some(()));
    client.check(&log(&world));
    let result = "those connected were served, said in words, new ones after it";
    counted("P7", "connections to a hub with 64 descriptors", CONNECTS, result);
}
