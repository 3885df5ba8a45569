//! The limit of open files, and how many connections it carries.

use crate::http::{ADMIN_CONNECTIONS, EXTRA_CONNECTIONS};

/// The descriptors that stay free for everything but connections: listeners, logs, timers, the
/// files of models.
const RESERVED: u64 = 128;

/// Raises the limit of open files to the most that the system allows this process, and returns it.
/// None where the system has no such limit.
#[cfg(unix)]
pub(super) fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    // Some systems refuse an unlimited number. The limit then stays as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
pub(super) fn raise_open_files() -> Option<u64> {
    None
}

/// The number of connections that `open_files` descriptors carry, at most `wanted`.
pub(super) fn connections_within(open_files: Option<u64>, wanted: u32) -> u32 {
    let Some(open_files) = open_files else { return wanted };
    let others = RESERVED + u64::from(EXTRA_CONNECTIONS) + u64::from(2 * ADMIN_CONNECTIONS);
    let carried = open_files.saturating_sub(others).max(1);
    u32::try_from(carried).map_or(wanted, |carried| carried.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_back_from_connections() {
        for (open_files, wanted, expected) in [
            (None, 1024, 1024),
            (Some(1 << 20), 1024, 1024),
            (Some(1024), 1024, 736),
            (Some(1024), 100, 100),
            (Some(64), 1024, 1),
            (Some(u64::MAX), 1024, 1024),
        ] {
            assert_eq!(connections_within(open_files, wanted), expected, "{open_files:?}");
        }
    }
}
