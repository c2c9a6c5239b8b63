//! What follows from FoundationDB's error codes (`flow/error_definitions.h`), before and at a commit.
//!
//! Absent on purpose: the client's own predicates: they know two codes of an unknown result, and a timeout is a third.

use ::foundationdb::FdbError;

use crate::engine::TRANSACTION_BYTES;
use crate::error::StoreError;

const TRANSACTION_TOO_OLD: i32 = 1007;
const NOT_COMMITTED: i32 = 1020;
const TRANSACTION_TIMED_OUT: i32 = 1031;
const TOO_MANY_WATCHES: i32 = 1032;
const DATABASE_LOCKED: i32 = 1038;
const CLUSTER_VERSION_CHANGED: i32 = 1039;
const NO_CLUSTER_FILE: [i32; 4] = [1511, 1513, 1515, 2104];
const TRANSACTION_TOO_LARGE: i32 = 2101;
/// A server is behind or has too much to do: future_version, process_behind, memory limits of the proxies, throttling.
const BUSY: [i32; 8] = [1009, 1037, 1042, 1051, 1078, 1213, 1223, 1235];
/// From here on the program did something wrong.
const CLIENT_ERRORS: i32 = 2000;

/// What an error before the commit means: nothing was stored.
pub(super) fn of_read(place: &str, error: FdbError) -> StoreError {
    match error.code() {
        TRANSACTION_TOO_OLD => StoreError::TooOld,
        NOT_COMMITTED | CLUSTER_VERSION_CHANGED => StoreError::Conflict,
        code if BUSY.contains(&code) => StoreError::Conflict,
        DATABASE_LOCKED => StoreError::Away {
            place: place.to_owned(),
            detail: "its database is locked".to_owned(),
            remedy: "whoever locked it (a restore, or `lock` in fdbcli) unlocks it with `unlock` and the lock's id"
                .to_owned(),
        },
        TRANSACTION_TOO_LARGE => {
            StoreError::TooLarge { what: "a transaction", bytes: TRANSACTION_BYTES + 1, limit: TRANSACTION_BYTES }
        }
        code if NO_CLUSTER_FILE.contains(&code) => StoreError::Unusable {
            place: place.to_owned(),
            detail: format!("the cluster file is of no use: {error} ({code})"),
            remedy: "copy the cluster file from a machine of the cluster".to_owned(),
        },
        code if code >= CLIENT_ERRORS => StoreError::Shape(format!("FoundationDB refused: {error} ({code})")),
        _ => away(place, error),
    }
}

/// What an error of the commit means: where it is not certain that nothing was stored, the result is unknown.
pub(super) fn of_commit(place: &str, error: FdbError) -> StoreError {
    match of_read(place, error) {
        StoreError::Away { .. } if error.code() != DATABASE_LOCKED => StoreError::Unknown,
        StoreError::Conflict if error.code() == CLUSTER_VERSION_CHANGED => StoreError::Unknown,
        known => known,
    }
}

/// The cluster did not answer in time.
pub(super) fn silent(error: FdbError) -> bool {
    error.code() == TRANSACTION_TIMED_OUT
}

pub(super) fn too_many_watches(error: FdbError) -> bool {
    error.code() == TOO_MANY_WATCHES
}

/// The cluster cannot be reached, or not now.
pub(super) fn away(place: &str, error: FdbError) -> StoreError {
    let detail = match error.code() {
        TRANSACTION_TIMED_OUT => "no answer in time".to_owned(),
        code => format!("{error} ({code})"),
    };
    let remedy = "see that its servers run and that this machine reaches them (`fdbcli --exec status` with the same \
                  cluster file)";
    StoreError::Away { place: place.to_owned(), detail, remedy: remedy.to_owned() }
}
