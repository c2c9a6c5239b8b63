//! The sample of a cluster in containers: it is YAML, names what it must, and its cluster file is the one beside it. Not
//! run: where tests run there is no Docker.

#![allow(clippy::unwrap_used)] // A test that cannot unwrap has failed.

use std::fs;
use std::path::Path;

use saphyr_parser::{Event, Parser};

fn sample(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/foundationdb").join(name)).unwrap()
}

/// A cluster file's one line.
fn address(text: &str) -> &str {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), None);
    line
}

#[test]
fn the_compose_file_starts_a_cluster_with_a_volume_and_configures_it() {
    let text = sample("compose.yaml");
    let (mut scalars, mut documents) = (Vec::new(), 0);
    for event in Parser::new_from_str(&text) {
        match event.unwrap().0 {
            Event::Scalar(value, ..) => scalars.push(value.into_owned()),
            Event::DocumentEnd => documents += 1,
            _ => {}
        }
    }
    assert_eq!(documents, 1);
    let has = |wanted: &str| assert!(scalars.iter().any(|scalar| scalar == wanted), "{wanted}: {scalars:?}");
    ["services", "server", "configure", "volumes", "data:/var/fdb", "127.0.0.1", "4500"].into_iter().for_each(has);
    let images: Vec<&String> =
        scalars.iter().filter(|scalar| scalar.starts_with("foundationdb/foundationdb:7.3")).collect();
    assert!(images.len() == 2 && images[0] == images[1], "{images:?}");
    let command = scalars.iter().find(|scalar| scalar.contains("configure new single ssd")).unwrap();
    let cluster = sample("fdb.cluster");
    assert!(command.contains(address(&cluster)), "{command}");
    has(address(&cluster));
}

#[test]
fn the_cluster_files_have_one_line_of_coordinators() {
    for (name, coordinators) in [("fdb.cluster", 1), ("three-machines.cluster", 3), ("tls.cluster", 3)] {
        let text = sample(name);
        let (who, at) = address(&text).split_once('@').unwrap();
        assert!(who.contains(':'), "{name}");
        let ports = at.split(',').map(|at| at.trim_end_matches(":tls").rsplit_once(':').unwrap().1.parse::<u16>());
        assert_eq!(ports.filter(Result::is_ok).count(), coordinators, "{name}");
    }
}
