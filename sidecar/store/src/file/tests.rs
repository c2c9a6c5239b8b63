//! Tests of the file engine.
