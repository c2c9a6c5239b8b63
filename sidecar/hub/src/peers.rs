//! The hubs of one store: who is alive, which sessions they have, and the end of those whose hub is gone.
//!
//! Each hub has one row, by its host, and overwrites it with the next number every [`BEAT_MS`]. Nobody's clock is
//! compared with another's: a row that stands still for [`LOST_MS`] of the onlooker's own time is shown as lost, after
//! [`END_MS`] the onlooker ends its sessions (time in which it could not look itself does not count): in one transaction
//! that holds if the row is still the same, so of several onlookers one does it, and of a hub that beats again none. A
//! hub that finds its row gone was only away for a while (a suspended machine), and begins its sessions again.
//! Absent on purpose: threads and clocks (`peering`), what the core knows of its own sessions.

use std::collections::{BTreeMap, HashMap};

use codi2_protocol::{
    Body, Event, EventBody, EventId, Filter, HostId, HubPresence, Owner, Presence, ProducerId, SessionInfo, Stamp,
    StampedEvent,
};
use codi2_store::{Dedupe, Part, Pending, Row, Store, StoreError, Subspace};
use serde::{Deserialize, Serialize};

use crate::rows::Life;

/// How often a hub says that it lives, in ms.
pub const BEAT_MS: u64 = 2_000;
/// After so much silence a hub and its sessions are shown as lost, in ms.
pub const LOST_MS: u64 = 10_000;
/// After so much silence its sessions end, in ms.
pub const END_MS: u64 = 30_000;
/// Late evidence taken from the log at once, at most.
const UPGRADES: usize = 256;

/// What a hub says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubRow {
    /// One start of one hub.
    pub hub: ProducerId,
    /// How often it has said that it lives.
    pub beat: u64,
    /// Its version and build.
    pub build: String,
    /// When it started (ms since the Unix epoch), a label.
    pub started_ms: u64,
    /// Where it runs (`twin`); empty where that is not known.
    #[serde(default)]
    pub ground: String,
}

/// What one look at the store showed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Round {
    /// The hubs, this one included.
    pub hubs: Vec<HubPresence>,
    /// Sessions of the others.
    pub sessions: Vec<Presence>,
    /// Whether another hub has ended this one's sessions.
    pub was_ended: bool,
    /// Events that late evidence explained since the last look, and whose they are.
    pub upgraded: Vec<(EventId, Owner)>,
    /// What is wrong, in words.
    pub problem: Option<String>,
}

/// Another hub's row, and since when it stands still by this hub's clock.
#[derive(Debug)]
struct Seen {
    row: HubRow,
    since_ms: u64,
}

/// This hub among the others.
#[derive(Debug)]
pub struct Peers {
    host: HostId,
    me: HubRow,
    others: HashMap<HostId, Seen>,
    /// When it saw the others' rows last.
    looked_ms: Option<u64>,
    /// For how long each hub was silent when it was looked at last, in ms.
    silent_ms: BTreeMap<HostId, u64>,
    /// Whether another hub ended this one's sessions, and that was not told yet.
    was_ended: bool,
    /// Up to where late evidence was taken from the log; none before the first look.
    upgrades: Option<Option<Stamp>>,
}

/// What became of this hub's row since it was written last.
enum Fate {
    Kept,
    Ended,
    /// Another process writes it.
    Taken,
}

impl Peers {
    /// This hub, which has not said anything yet.
    pub fn new(host: HostId, hub: ProducerId, build: String, started_ms: u64, ground: String) -> Self {
        let me = HubRow { hub, beat: 0, build, started_ms, ground };
        Self {
            host,
            me,
            others: HashMap::new(),
            looked_ms: None,
            silent_ms: BTreeMap::new(),
            was_ended: false,
            upgrades: None,
        }
    }

    /// Says that this hub lives, looks at the others, and ends the sessions of those that are gone. `now_ms` is of a clock
    /// that never runs back, `wall_ms` is the time for events.
    ///
    /// # Errors
    /// What the store says; the next look does it all again.
    pub fn look(&mut self, store: &Store, now_ms: u64, wall_ms: u64) -> Result<Round, StoreError> {
        let fate = self.beat(store)?;
        // Kept until it is told: what follows may fail.
        self.was_ended |= matches!(fate, Fate::Ended);
        let rows: BTreeMap<HostId, HubRow> = store
            .scan::<HubRow>(Subspace::Hub, &[])
            .map(|row| row.map(|(parts, row)| (host_of(&parts), row)))
            .filter_map(|row| row.map(|(host, row)| Some((host?, row))).transpose())
            .collect::<Result<_, _>>()?;
        self.others.retain(|host, _| rows.contains_key(host));
        // A time in which this hub could not look says nothing of the others: the store was away for them, too.
        if self.looked_ms.replace(now_ms).is_some_and(|looked| now_ms.saturating_sub(looked) >= LOST_MS) {
            self.others.clear();
        }
        let mut round = Round::default();
        if matches!(fate, Fate::Taken) {
            let host = self.host;
            round.problem = Some(format!(
                "another hub says that it is this machine ({host}), as after its state folder was copied: remove the \
                 file `host` from one of the two state folders and start that hub again"
            ));
        }
        self.silent_ms.clear();
        for (host, row) in rows {
            let mut silence = 0;
            if host != self.host {
                let seen = self.others.entry(host).or_insert_with(|| Seen { row: row.clone(), since_ms: now_ms });
                if (seen.row.hub, seen.row.beat) != (row.hub, row.beat) {
                    *seen = Seen { row: row.clone(), since_ms: now_ms };
                }
                silence = now_ms.saturating_sub(seen.since_ms);
                if silence >= END_MS && end_sessions(store, host, &row, self, wall_ms)? {
                    self.others.remove(&host);
                    continue;
                }
            }
            self.silent_ms.insert(host, silence);
            let HubRow { build, started_ms, .. } = row;
            let (is_this, lost) = (host == self.host, silence >= LOST_MS);
            round.hubs.push(HubPresence { host, build, started_ms, is_this, lost });
        }
        round.sessions = self.sessions(store)?;
        round.upgraded = self.upgraded(store)?;
        round.was_ended = std::mem::take(&mut self.was_ended);
        Ok(round)
    }

    /// The hub ends in order: where nobody works on this machine, it leaves nothing to be looked after.
    ///
    /// # Errors
    /// What the store says.
    pub fn leave(&self, store: &Store) -> Result<(), StoreError> {
        store.once(&mut |atomic| {
            let sessions = atomic.all::<SessionInfo>(Subspace::Session, &[])?;
            if sessions.iter().all(|(_, info)| info.host != Some(self.host)) {
                atomic.compare_and_set(Subspace::Hub, &[self.host.into()], Some(&self.me), None)?;
            }
            Ok(())
        })
    }

    fn beat(&mut self, store: &Store) -> Result<Fate, StoreError> {
        let next = HubRow { beat: self.me.beat + 1, ..self.me.clone() };
        let is_first = self.me.beat == 0;
        let fate = store.once(&mut |atomic| {
            let key = [self.host.into()];
            let fate = match atomic.get::<HubRow>(Subspace::Hub, &key)? {
                _ if is_first => Fate::Kept,
                Some(found) if found.hub == self.me.hub => Fate::Kept,
                Some(_) => Fate::Taken,
                None => Fate::Ended,
            };
            atomic.write(&Row::set(Subspace::Hub, &key, &next)?)?;
            Ok(fate)
        })?;
        self.me = next;
        Ok(fate)
    }

    /// Whether other hubs were there at the last look.
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// The others' sessions with their last signs of life; lost is whose hub was lost at the last look.
    ///
    /// # Errors
    /// What the store says.
    pub fn sessions(&self, store: &Store) -> Result<Vec<Presence>, StoreError> {
        let lives = store.scan::<Life>(Subspace::Heartbeat, &[]);
        let lives = lives.map(|row| row.map(|(parts, life)| (parts.first().and_then(Part::id), life)));
        let mut lives: HashMap<_, Life> = lives.collect::<Result<_, _>>()?;
        let mut sessions = Vec::new();
        for row in store.scan::<SessionInfo>(Subspace::Session, &[]) {
            let (_, info) = row?;
            if info.host == Some(self.host) {
                continue;
            }
            let life = lives.remove(&Some(info.session.uuid()));
            let lost = info.host.and_then(|host| self.silent_ms.get(&host)).is_some_and(|silence| *silence >= LOST_MS);
            let (heartbeat, touched) = life.map_or((None, None), |life| (life.heartbeat, life.touched));
            sessions.push(Presence { info, heartbeat, touched, lost });
        }
        Ok(sessions)
    }

    /// Events explained by late evidence since the last look, whichever hub had it. Read here, so that the core need not.
    fn upgraded(&mut self, store: &Store) -> Result<Vec<(EventId, Owner)>, StoreError> {
        let Some(cursor) = self.upgrades else {
            self.upgrades = Some(store.head()?);
            return Ok(Vec::new());
        };
        let filter = Filter { kinds: vec!["upgrade".to_owned()], ..Filter::default() };
        let page = store.query(&filter, cursor, false, UPGRADES)?;
        let of = |stamped: &StampedEvent| match stamped.event.body {
            Body::Known(EventBody::Upgrade { of, .. }) => Some(of),
            _ => None,
        };
        let events: Vec<EventId> = page.events.iter().filter_map(of).collect();
        let keys: Vec<_> = events.iter().map(|event| vec![(*event).into()]).collect();
        let mut explained = Vec::new();
        for (event, owner) in events.iter().zip(store.many::<Owner>(Subspace::Upgrade, &keys)?) {
            explained.extend(owner?.map(|owner| (*event, owner)));
        }
        // Not before: what could not be read is looked at again.
        if let Some(last) = page.events.last() {
            self.upgrades = Some(Some(last.stamp));
        }
        Ok(explained)
    }
}

/// Ends the sessions of a host whose row is still this one; false where it is not, because it lives or somebody else
/// was quicker.
fn end_sessions(store: &Store, host: HostId, row: &HubRow, onlooker: &Peers, wall_ms: u64) -> Result<bool, StoreError> {
    store.once(&mut |atomic| {
        if !atomic.compare_and_set(Subspace::Hub, &[host.into()], Some(row), None)? {
            return Ok(false);
        }
        let mut batch = Vec::new();
        for (_, info) in atomic.all::<SessionInfo>(Subspace::Session, &[])? {
            if info.host != Some(host) {
                continue;
            }
            let rows = vec![
                Row::delete(Subspace::Session, &[info.session.into()])?,
                Row::delete(Subspace::Heartbeat, &[info.session.into()])?,
                Row::delete_below(Subspace::Branch, &[info.session.into()]),
            ];
            batch.push(Pending { event: Some(ended(info, onlooker, wall_ms)), dedupe: Dedupe::NONE, rows });
        }
        if !batch.is_empty() {
            atomic.append(&batch)?;
        }
        Ok(true)
    })
}

fn ended(info: SessionInfo, onlooker: &Peers, wall_ms: u64) -> Event {
    let reason = format!("nothing was heard of its hub for {} s", END_MS / 1_000);
    Event {
        id: EventId::new(),
        producer: onlooker.me.hub,
        seq: 0,
        occurred_ms: wall_ms,
        received_ms: wall_ms,
        host: Some(onlooker.host),
        session: Some(info.session),
        worktree: info.worktree,
        file: None,
        actor: info.actor,
        body: Body::Known(EventBody::SessionEnded { reason }),
    }
}

fn host_of(parts: &[Part<'_>]) -> Option<HostId> {
    parts.first().and_then(Part::id).map(HostId::from_uuid)
}

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
