//! Failing syncs: afterwards nothing is acknowledged until the file was opened again, from what is on the disk; what was
//! acknowledged is there after a power cut, and an append is in the log once.

use super::*;

/// The sync that fails, counted from the store's opening; each is tried.
const LAST: usize = 200;

fn producer() -> ProducerId {
    ProducerId::from_uuid(Uuid::from_u128(0x5c))
}

/// Appends until the sync after the failed one has passed, then cuts the power: acknowledged, and found afterwards.
fn fail(nth: usize, opener: impl FnOnce(&Disk) -> Opener) -> (u64, Result<Vec<u64>, String>) {
    let disk = Disk::new();
    let file = File::with("test disk".to_owned(), None, opener(&disk)).unwrap();
    let file = Arc::new(file);
    let store = Store::on(file.clone()).unwrap();
    disk.change(|platter| (platter.failing_in, platter.syncs) = (Some(nth), 0));
    let (mut acknowledged, mut failed) = (0, false);
    while !failed || disk.change(|platter| platter.syncs) < nth + 8 {
        let seq = acknowledged + 1;
        let dedupe = Dedupe::fact(producer(), seq);
        let event = Event { id: EventId::from_uuid(Uuid::from_u128(u128::from(seq))), seq, ..sample(seq) };
        let event = Event { producer: producer(), ..event };
        match store.append(&[Pending { event: Some(event), dedupe, rows: vec![] }]) {
            Ok(_) => acknowledged = seq,
            Err(error) => return (acknowledged, Err(error.to_string())),
        }
        let (gone, doubtful) = disk.change(|platter| (platter.failing_in.is_none(), platter.doubtful));
        failed = gone;
        assert!(!doubtful, "sync {nth}: {seq} was acknowledged by a file that was not opened again");
    }
    let said = file.mended().unwrap_or_default();
    assert!(said.contains("failed 1 times") && said.contains("check the disk"), "sync {nth}: {said:?}");
    let left = disk.change(|platter| platter.cut(&mut Seed(nth as u64)));
    drop((store, file));
    let found = || -> Result<Vec<u64>, StoreError> {
        let store = Store::on(Arc::new(Disk::holding(left).open()?))?;
        let stored = store.tail_after(None, 10_000)?;
        Ok(stored.into_iter().map(|stored| stored.event.seq).collect())
    };
    (acknowledged, found().map_err(|error| error.to_string()))
}

#[test]
fn after_a_failed_sync_nothing_acknowledged_is_lost_and_nothing_is_acknowledged_before_it_was_opened_again() {
    let step = count(5, 1);
    let mut tried = 0;
    for nth in (0..LAST).step_by(step) {
        let (acknowledged, found) = fail(nth, Disk::opener);
        let found = found.unwrap_or_else(|error| panic!("sync {nth}: {error}"));
        assert_eq!(found, (1..=acknowledged).collect::<Vec<_>>(), "sync {nth}");
        tried += 1;
    }
    counted(
        "P1",
        "failed syncs, the n-th for n = 1..200, then a power cut",
        tried,
        "0 lost, 0 acknowledged in between",
    );
}

/// What Linux does after a failed sync, unless it is told to forget the pages.
#[test]
fn after_a_failed_sync_pages_that_are_not_read_anew_would_lose_events() {
    let trusting = |disk: &Disk| -> Opener {
        let disk = disk.clone();
        Box::new(move |_| {
            disk.change(|platter| platter.doubtful = false);
            verified(|builder| builder.create_with_backend(disk.clone()))
        })
    };
    let lost = |nth: &usize| {
        let (acknowledged, found) = fail(*nth, trusting);
        found != Ok((1..=acknowledged).collect())
    };
    let lost = (0..40).filter(lost).count();
    assert!(lost > 0, "the test would not notice a loss");
    counted("P1 control", "the same, believing the system's memory of the file", 40, &format!("{lost} lost something"));
}

#[test]
fn while_every_sync_fails_everything_is_refused_with_the_reason() {
    let disk = Disk::new();
    let file = disk.open().unwrap();
    set(&file, b"a", b"1").unwrap();
    disk.change(|platter| platter.broken = true);
    assert_eq!(set(&file, b"b", b"2"), Err(StoreError::Unknown));
    let stopped = set(&file, b"c", b"3").unwrap_err();
    assert!(matches!(&stopped, StoreError::Stopped { detail, .. } if detail.contains("the sync failed")), "{stopped}");
    assert_eq!(rows(&file).unwrap_err(), stopped);
    drop(file);
    disk.change(|platter| {
        platter.broken = false;
        platter.forget_cached();
    });
    let stored = rows(&disk.open().unwrap()).unwrap();
    assert!(
        stored.contains(&(b"a".to_vec(), b"1".to_vec())) && !stored.iter().any(|(key, _)| key == b"c"),
        "{stored:?}"
    );
}
