//! Operations, and what a map makes of them.

use std::collections::BTreeMap;

use codi2_store::{Abort, PageLimit, Transaction};
use proptest::prelude::*;

pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Clone)]
pub enum Op {
    Get(Vec<u8>),
    Range(Vec<u8>, Vec<u8>, bool, usize),
    Set(Vec<u8>, Vec<u8>),
    Clear(Vec<u8>),
    ClearRange(Vec<u8>, Vec<u8>),
    Add(Vec<u8>, u128),
    Append(u8, Vec<u8>),
    SetStamped(Vec<u8>, Vec<u8>),
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![b'a', b'b', b's', 0, 0xfe]), 1..3)
}

pub fn ops() -> impl Strategy<Value = Op> {
    let value = || prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        keys().prop_map(Op::Get),
        (keys(), keys(), any::<bool>(), 1..5_usize).prop_map(|(a, b, reverse, rows)| Op::Range(a, b, reverse, rows)),
        (keys(), value()).prop_map(|(key, value)| Op::Set(key, value)),
        keys().prop_map(Op::Clear),
        (keys(), keys()).prop_map(|(a, b)| Op::ClearRange(a, b)),
        (keys(), any::<u128>()).prop_map(|(key, amount)| Op::Add(key, amount)),
        (any::<u8>(), value()).prop_map(|(order, value)| Op::Append(order, value)),
        (keys(), value()).prop_map(|(key, rest)| Op::SetStamped(key, rest)),
    ]
}

#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Value(Option<Vec<u8>>),
    Page(Vec<(Vec<u8>, Vec<u8>)>),
}

/// Runs the operations in a transaction; the last write marks it, so that an unknown result can be resolved.
pub fn run(transaction: &mut dyn Transaction, ops: &[Op], seen: &mut Vec<Seen>) -> Result<(), Abort> {
    for op in ops {
        match op {
            Op::Get(key) => seen.push(Seen::Value(transaction.get(key)?)),
            Op::Range(a, b, reverse, rows) => {
                let page = transaction.range(a, b, *reverse, PageLimit::rows(*rows))?;
                assert!(page.more || page.rows.len() < *rows);
                seen.push(Seen::Page(page.rows));
            }
            Op::Set(key, value) => transaction.set(key, value)?,
            Op::Clear(key) => transaction.clear(key)?,
            Op::ClearRange(a, b) => transaction.clear_range(a, b)?,
            Op::Add(key, amount) => transaction.add(key, *amount)?,
            Op::Append(order, value) => transaction.append_stamped(b"s", &[*order], value)?,
            Op::SetStamped(key, rest) => transaction.set_stamped_value(key, rest)?,
        }
    }
    Ok(())
}

/// The same on a map. `None`: it reads what only the commit will know.
#[derive(Default)]
pub struct Naive {
    rows: Rows,
    stamped: Vec<(u8, Vec<u8>)>,
    pub stamped_values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Naive {
    pub fn of(rows: Rows) -> Self {
        Self { rows, ..Self::default() }
    }

    fn hidden(&self, begin: &[u8], end: &[u8]) -> bool {
        let key = |stamp: u8, order: u8| [&b"s"[..], &[stamp; 10], &[order]].concat();
        begin < end
            && self
                .stamped
                .iter()
                .any(|(order, _)| key(0, *order).as_slice() < end && begin <= key(0xff, *order).as_slice())
    }

    pub fn run(&mut self, ops: &[Op]) -> Option<Vec<Seen>> {
        let mut seen = Vec::new();
        for op in ops {
            match op {
                Op::Get(key) => {
                    if self.stamped_values.contains_key(key) || self.hidden(key, &[&key[..], &[0]].concat()) {
                        return None;
                    }
                    seen.push(Seen::Value(self.rows.get(key).cloned()));
                }
                Op::Range(a, b, reverse, rows) => {
                    if self.hidden(a, b) {
                        return None;
                    }
                    let mut all: Vec<_> = self
                        .rows
                        .iter()
                        .filter(|(key, _)| a <= key && *key < b)
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect();
                    for key in self.stamped_values.keys().filter(|key| a <= *key && *key < b) {
                        all.retain(|(own, _)| own != key);
                        all.push((key.clone(), vec![]));
                    }
                    all.sort();
                    if *reverse {
                        all.reverse();
                    }
                    // The page ends at its limit, or at a value nobody knows yet.
                    all.truncate(*rows);
                    if all.iter().any(|(key, _)| self.stamped_values.contains_key(key)) {
                        return None;
                    }
                    seen.push(Seen::Page(all));
                }
                Op::Set(key, value) => {
                    self.stamped_values.remove(key);
                    self.rows.insert(key.clone(), value.clone());
                }
                Op::Clear(key) => {
                    self.stamped_values.remove(key);
                    self.rows.remove(key);
                }
                Op::ClearRange(a, b) => {
                    if self.hidden(a, b) {
                        return None;
                    }
                    self.rows.retain(|key, _| key < a || key >= b);
                    self.stamped_values.retain(|key, _| key < a || key >= b);
                }
                Op::Add(key, amount) => {
                    if self.stamped_values.contains_key(key) {
                        return None;
                    }
                    let mut number = self.rows.get(key).cloned().unwrap_or_default();
                    number.resize(16, 0);
                    let sum = u128::from_le_bytes(number.try_into().unwrap()).wrapping_add(*amount);
                    self.rows.insert(key.clone(), sum.to_le_bytes().to_vec());
                }
                Op::Append(order, value) => self.stamped.push((*order, value.clone())),
                Op::SetStamped(key, rest) => {
                    self.stamped_values.insert(key.clone(), rest.clone());
                }
            }
        }
        Some(seen)
    }

    pub fn commit(mut self, stamp: &[u8; 10]) -> Rows {
        for (key, rest) in self.stamped_values {
            self.rows.insert(key, [&stamp[..], &rest].concat());
        }
        for (order, value) in self.stamped {
            self.rows.insert([&b"s"[..], stamp, &[order]].concat(), value);
        }
        self.rows
    }
}
