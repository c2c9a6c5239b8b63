//! Whole editing histories, at the pace of hands: `scripts/soak` runs them, `scripts/test` names them as skipped.
//!
//! `CODI2_SOAK` asks for them; `CODI2_TRACE_SEPH_BLOG1` names the history `seph-blog1` of josephg/editing-traces, which
//! is not kept here.

#![allow(clippy::print_stdout)] // `scripts/soak` collects the counts.

use codi2_tests::World;
use codi2_tests::replay::{FRIENDSFOREVER, Replay};

#[test]
fn every_span_of_friendsforever_is_the_persons() {
    if std::env::var_os("CODI2_SOAK").is_none() {
        codi2_tests::skip!("replay_whole::friendsforever", "seven minutes of typing; scripts/soak runs it");
    }
    let replay = Replay::run(&World::new(&[]), FRIENDSFOREVER, &[]);
    assert_eq!((replay.number("/edits"), replay.kinds()), (26_078, vec!["person"]), "{replay:?}");
    assert_eq!(replay.number("/model/person"), replay.number("/bytes"), "{replay:?}");
    counted("friendsforever_flat, typed whole: every span is the person's", &replay);
}

#[test]
fn longer_inserts_of_seph_blog1_are_unknown_and_none_an_agents() {
    let trace = std::env::var_os("CODI2_TRACE_SEPH_BLOG1");
    let (Some(trace), Some(_)) = (trace, std::env::var_os("CODI2_SOAK")) else {
        codi2_tests::skip!(
            "replay_whole::seph_blog1",
            "forty minutes of typing; scripts/soak runs it where CODI2_TRACE_SEPH_BLOG1 names the history"
        );
    };
    let replay = Replay::run(&World::new(&[]), trace, &[]);
    assert_eq!((replay.number("/edits"), replay.kinds()), (137_993, vec!["person", "unknown"]), "{replay:?}");
    assert!(replay.number("/model/unknown") > 0, "{replay:?}");
    counted("seph-blog1, typed whole: longer inserts that copy nothing are unknown, none is an agent's", &replay);
}

fn counted(what: &str, replay: &Replay) {
    let (edits, checks) = (replay.number("/edits"), replay.number("/checks"));
    println!("COUNT - | {what} | {edits} edits, {checks} checks | 0 differences");
}
