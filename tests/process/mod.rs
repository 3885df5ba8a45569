//! The program as an operator sees it: signals, logs and exit codes.

#![cfg(unix)]

mod commands;
mod kserve;
mod lifecycle;
mod loading;
mod memory;
mod operation;
mod program;
mod several_pictures;
