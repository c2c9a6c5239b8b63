//! Values: MessagePack with named fields, ending in a checksum over key and value that every read verifies.
//!
//! The checksum is the CRC-32C, little-endian, of the key's bytes followed by the payload. Where the key holds a stamp
//! (known only after commit) the ten stamp bytes are left out of it; a stamp in a value stands before payload and
//! checksum and is not covered either: whoever follows a stored stamp must find the row it points to, or the store
//! is damaged. Counters are checked by their own form, see [`counter`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// Bytes of the checksum.
const SUM: usize = 4;
/// Bytes of a stamp inside keys and values.
pub(crate) const STAMP: usize = 10;

/// What is wrong with stored bytes, in words; the facade adds the place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) String);

impl Damage {
    fn of(key: &[u8], what: &str) -> Self {
        Self(format!("{what} of the row {}", crate::layout::describe(key)))
    }
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StoreError> {
    rmp_serde::to_vec_named(value).map_err(|error| StoreError::Shape(format!("cannot encode a value: {error}")))
}

pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], payload: &[u8]) -> Result<T, Damage> {
    rmp_serde::from_slice(payload).map_err(|error| Damage::of(key, &format!("cannot decode ({error}) the value")))
}

/// Payload and checksum, for a key that is known.
pub(crate) fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    seal_parts(&[key], payload)
}

/// The payload of a sealed value.
pub(crate) fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    unseal_parts(key, &[key], value)
}

/// Payload and checksum, for a key that will be `prefix`, stamp, `suffix`.
pub(crate) fn seal_stamped(prefix: &[u8], suffix: &[u8], payload: &[u8]) -> Vec<u8> {
    seal_parts(&[prefix, suffix], payload)
}

/// The payload of a value under a key that ends in stamp and two bytes of order.
pub(crate) fn unseal_stamped<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (Some(prefix), Some(suffix)) = (key.len().checked_sub(STAMP + 2), key.len().checked_sub(2)) else {
        return Err(Damage::of(key, "no stamp in the key"));
    };
    unseal_parts(key, &[&key[..prefix], &key[suffix..]], value)
}

/// The stamp and the payload of a stamped value.
pub(crate) fn unseal_stamp<'a>(key: &[u8], value: &'a [u8]) -> Result<([u8; STAMP], &'a [u8]), Damage> {
    let (stamp, rest) = value.split_first_chunk::<STAMP>().ok_or_else(|| Damage::of(key, "no stamp in the value"))?;
    Ok((*stamp, unseal(key, rest)?))
}

fn seal_parts(key: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(payload.len() + SUM);
    value.extend_from_slice(payload);
    value.extend_from_slice(&sum(key, payload).to_le_bytes());
    value
}

fn unseal_parts<'a>(key: &[u8], parts: &[&[u8]], value: &'a [u8]) -> Result<&'a [u8], Damage> {
    match value.split_last_chunk::<SUM>() {
        Some((payload, stored)) if sum(parts, payload) == u32::from_le_bytes(*stored) => Ok(payload),
        _ => Err(Damage::of(key, "wrong checksum")),
    }
}

fn sum(key: &[&[u8]], payload: &[u8]) -> u32 {
    let key = key.iter().fold(0, |sum, part| crc32c::crc32c_append(sum, part));
    crc32c::crc32c_append(key, payload)
}

/// What a counter's number is multiplied with for its high half: any odd number of many ones and zeros will do
/// (2^64 / golden ratio), so that what changes the number must change half of the check number's bits, too.
const CHECK: u128 = 0x9e37_79b9_7f4a_7c15;
/// Numbers from here on are damage: nothing is counted so often, and their check number would hang on few bits.
const COUNTED: u64 = 1 << 48;

/// What to add to a counter's 16 bytes so that it grows by `by`.
///
/// A blind addition cannot renew a checksum, so a counter holds its number n in the low 8 bytes and n times [`CHECK`]
/// (without carry) in the high ones. Both move by one addition.
pub(crate) const fn counter(by: u64) -> u128 {
    (by as u128).wrapping_mul((CHECK << 64) | 1)
}

/// The number of a counter.
pub(crate) fn count(key: &[u8], value: &[u8]) -> Result<u64, Damage> {
    let damage = || Damage::of(key, "wrong check number");
    let number = u128::from_le_bytes(value.try_into().map_err(|_| damage())?);
    let low = u64::try_from(number & u128::from(u64::MAX)).map_err(|_| damage())?;
    if low < COUNTED && counter(low) == number { Ok(low) } else { Err(damage()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_value_or_its_key_is_found() {
        let key = crate::layout::single("x");
        let sealed = seal(&key, b"payload");
        assert_eq!(unseal(&key, &sealed), Ok(&b"payload"[..]));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&key, &flipped).is_err(), "bit {bit} of the value");
        }
        for bit in 0..key.len() * 8 {
            let mut flipped = key.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&flipped, &sealed).is_err(), "bit {bit} of the key");
        }
        assert!(unseal(&key, b"ab").is_err(), "too short for a checksum");
    }

    #[test]
    fn a_stamped_key_is_covered_except_for_its_stamp() {
        let sealed = seal_stamped(b"prefix", &[0, 7], b"payload");
        let key = |stamp: u8, order: u8| [&b"prefix"[..], &[stamp; 10], &[0, order]].concat();
        assert_eq!(unseal_stamped(&key(1, 7), &sealed), Ok(&b"payload"[..]));
        assert_eq!(unseal_stamped(&key(2, 7), &sealed), Ok(&b"payload"[..]));
        assert!(unseal_stamped(&key(1, 8), &sealed).is_err());
        assert!(unseal_stamped(b"short", &sealed).is_err());
    }

    #[test]
    fn counters_count_blindly_and_show_every_flipped_bit() {
        let mut number = 0_u128;
        let mut expected = 0;
        for by in [1, 5, 1 << 40, 0, 77] {
            number = number.wrapping_add(counter(by));
            expected += by;
            assert_eq!(count(b"k", &number.to_le_bytes()), Ok(expected));
        }
        for bit in 0..128 {
            assert!(count(b"k", &(number ^ (1 << bit)).to_le_bytes()).is_err(), "bit {bit}");
        }
        assert!(count(b"k", &[0; 8]).is_err());
    }

    #[test]
    fn no_two_or_three_changed_bits_of_a_counter_pass() {
        for number in [0, 1, 2, 1_000, 123_456_789] {
            let whole = counter(number);
            for one in 0..128 {
                for two in 0..128 {
                    let flipped = whole ^ (1 << one) ^ (1 << two);
                    assert!(one == two || count(b"k", &flipped.to_le_bytes()).is_err(), "{number}: {one}, {two}");
                }
                for low in 0..64 {
                    // The same change in both halves, which a complement as check number would not show.
                    let flipped = whole ^ (1 << low) ^ (1 << (low + 64)) ^ (1 << one);
                    assert!(count(b"k", &flipped.to_le_bytes()).is_err(), "{number}: {low} twice, {one}");
                }
            }
        }
    }
}
