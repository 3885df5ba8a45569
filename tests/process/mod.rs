//! The program as an operator meets it: signals, logs, exit codes.

#![cfg(unix)]

mod lifecycle;
mod program;
