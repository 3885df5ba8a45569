use std::thread;

/// How many threads the machine runs at the same time.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
