//! The integration tests, in one binary.

#![allow(clippy::unwrap_used, reason = "a test ends where its premises fail")]

mod gradient;
