//! A ruling without what whoever it names did not say to put in (ADR 0144): while a call is open, others may write, too.
//!
//! Absent on purpose: what was said (`said`), and taking it for the agent's, which the ladder does.

use std::ops::Range;

use codi2_protocol::{Actor, Class, Verdict};

use super::compared::Compared;
use super::left::possible;
use super::ruling::DiskRuling;
use super::said::unsaid;
use super::shares::Shares;

/// Bytes of which nothing more is said than that they are held back.
type Held = (Range<u64>, ());

/// The ruling without the lines that whoever it names did not say to put in: one of those who were at work wrote them, or
/// somebody else.
pub(super) fn narrowed(compared: &Compared<'_>, ruling: DiskRuling) -> DiskRuling {
    let (Some(text), DiskRuling::New(shares)) = (compared.text(), &ruling) else { return ruling };
    let is_known = |verdict: &Verdict| verdict.class != Class::Unknown;
    let mut held: Vec<(&Actor, Vec<Held>)> = Vec::new();
    for agent in shares.each().filter(|verdict| is_known(verdict)).map(|verdict| &verdict.origin) {
        if held.iter().all(|(other, _)| *other != agent) {
            let unsaid = unsaid(compared, agent).unwrap_or_default();
            held.push((agent, unsaid.into_iter().map(|bytes| (bytes.start as u64..bytes.end as u64, ())).collect()));
        }
    }
    let of = |verdict: &Verdict| {
        let its = held.iter().find(|(agent, _)| is_known(verdict) && **agent == verdict.origin);
        its.map_or(&[][..], |(_, held)| held)
    };
    let pieces = shares.cut(0..text.len() as u64, of);
    if pieces.iter().all(|piece| piece.by.is_none()) {
        return ruling;
    }
    let claims = pieces.into_iter().filter(|piece| piece.by.is_none() && is_known(piece.share));
    let claimed: Vec<_> = claims.map(|piece| (piece.bytes, piece.share.clone())).collect();
    let rest = possible(compared.facts);
    let is_claimed = |new: Range<usize>| {
        claimed.iter().any(|(range, _)| range.start < new.end as u64 && (new.start as u64) < range.end)
    };
    if compared.new_bytes().into_iter().any(is_claimed) {
        DiskRuling::New(Shares::parts(claimed, rest))
    } else {
        DiskRuling::all(rest)
    }
}
