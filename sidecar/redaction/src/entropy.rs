//! Entropy: how evenly a value's bytes are spread, in bits for each byte.

/// Shannon's entropy of the bytes, from 0 (all equal) to 8.
pub fn bits(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let all = value.len() as f64;
    let part = |count: &u32| {
        let share = f64::from(*count) / all;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_below_tokens() {
        assert_eq!(bits(b"aaaaaaaa"), 0.0);
        assert_eq!(bits(b"abababab"), 1.0);
        assert!(bits(b"password_reset") < 3.5 && bits(b"9fK2xq7LwZ0vRt4B") > 3.5);
        assert_eq!(bits(b""), 0.0);
    }
}
