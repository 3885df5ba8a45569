//! The program as an operator sees it: signals, logs and exit codes.

#![cfg(unix)]

mod lifecycle;
mod memory;
mod program;
