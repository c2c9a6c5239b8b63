//! The macro by which the `foundationdb` crate chooses code by API version: here always that of 7.3.
//!
//! Absent on purpose: versions. All that the crate asks for begins at or before 7.3, or ended with 6.0.

/// Code for a range of API versions: `max` is only ever asked for with 6.0, which is over.
#[macro_export]
macro_rules! if_cfg_api_versions {
    (min = $min:literal, max = 600 => { $($then:tt)* } else { $($other:tt)* }) => { { $($other)* } };
    (min = $min:literal, max = 600 => $($then:tt)*) => {};
    (min = $min:literal => { $($then:tt)* } else { $($other:tt)* }) => { { $($then)* } };
    (min = $min:literal => $($then:tt)*) => { $($then)* };
}
