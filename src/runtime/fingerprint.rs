use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A hash of files' names, lengths and modification times. It shows whether files have changed
/// without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a folder: of its files, and of the files in its direct subfolders.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        let mut files = Vec::new();
        for path in listed(folder) {
            if path.is_dir() {
                files.extend(listed(&path));
            }
            files.push(path);
        }
        Self::of(files)
    }

    /// The fingerprint of a model without a folder: of the file, and of the files beside it whose
    /// names begin with its name, as those of its external data do.
    #[must_use]
    pub(super) fn of_file(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let begins = |path: &PathBuf| {
            path.file_name().is_some_and(|other| other.as_encoded_bytes().starts_with(name))
        };
        let beside = file.parent().map(listed).unwrap_or_default();
        Self::of(beside.into_iter().filter(begins).collect())
    }

    /// The fingerprint of the same files used with `variant`.
    #[must_use]
    pub fn with(self, variant: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        (self.0, variant).hash(&mut hasher);
        Self(hasher.finish())
    }

    fn of(mut files: Vec<PathBuf>) -> Self {
        files.sort();
        let mut hasher = DefaultHasher::new();
        for file in files {
            // A file whose metadata cannot be read counts as a different file.
            let metadata = fs::metadata(&file).ok().map(|metadata| {
                let changed = metadata.modified().ok();
                let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                (metadata.len(), changed)
            });
            (file, metadata).hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}
