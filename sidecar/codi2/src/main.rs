//! The program `codi2`.
fn main() {}
