use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::CliError;

/// A folder that gets one file for each picture.
#[derive(Debug)]
pub(super) struct OutputFolder {
    path: PathBuf,
    extension: &'static str,
    /// The names in use, in lower case: some file systems do not tell the case.
    taken: HashSet<String>,
}

impl OutputFolder {
    /// Makes the folder if there is none. Files in it have `extension`.
    ///
    /// # Errors
    /// [`CliError::File`], and [`CliError::PicturesInFolder`] if one of `pictures` is in it and
    /// could be overwritten.
    pub(super) fn create(
        path: &Path,
        extension: &'static str,
        pictures: &[PathBuf],
    ) -> Result<Self, CliError> {
        let failed = |cause| CliError::File { path: path.to_owned(), cause };
        fs::create_dir_all(path).map_err(failed)?;
        let own = path.canonicalize().map_err(failed)?;
        let parents: HashSet<&Path> = pictures.iter().filter_map(|it| it.parent()).collect();
        let is_own = |parent: &&Path| {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            parent.canonicalize().is_ok_and(|parent| parent == own)
        };
        if parents.iter().any(is_own) {
            return Err(CliError::PicturesInFolder { folder: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), extension, taken: HashSet::new() })
    }

    /// The file for a picture: its name with another extension. If that is taken, a number is
    /// added, so that no two pictures have the same file.
    ///
    /// # Errors
    /// [`CliError::SymbolicLink`] if the file is a link there. What it leads to, which may be a
    /// picture, would be overwritten.
    pub(super) fn file_for(&mut self, picture: &Path) -> Result<PathBuf, CliError> {
        let path = self.unused(picture);
        match fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            true => Err(CliError::SymbolicLink { path }),
            false => Ok(path),
        }
    }

    fn unused(&mut self, picture: &Path) -> PathBuf {
        let stem = match picture.file_stem() {
            Some(stem) if picture != Path::new("-") => stem,
            _ => OsStr::new("stdin"),
        };
        let mut number = 1;
        loop {
            let mut name = OsString::from(stem);
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name.push(format!(".{}", self.extension));
            if self.taken.insert(name.to_string_lossy().to_lowercase()) {
                return self.path.join(name);
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pictures: &[&str]) -> Vec<String> {
        let (path, taken) = (PathBuf::from("out"), HashSet::new());
        let mut folder = OutputFolder { path, extension: "png", taken };
        let names = pictures.iter().map(|picture| folder.unused(Path::new(picture)));
        names.map(|name| name.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn names_do_not_collide() {
        assert_eq!(
            names(&["a.jpg", "b/a.jpg", "A.png", "a-2.gif", "a.b.jpg", "-", "x/..", "..jpg"]),
            [
                "out/a.png",
                "out/a-2.png",
                "out/A-3.png",
                "out/a-2-2.png",
                "out/a.b.png",
                "out/stdin.png",
                "out/stdin-2.png",
                "out/..png",
            ]
        );
    }

    #[test]
    fn a_folder_with_the_pictures_is_refused() {
        let create = |pictures: &[&str]| {
            let pictures: Vec<PathBuf> = pictures.iter().map(PathBuf::from).collect();
            OutputFolder::create(Path::new("src/../src"), "png", &pictures)
        };
        assert!(create(&["Cargo.toml", "nowhere/a.jpg", "-"]).is_ok());
        let error = create(&["Cargo.toml", "./src/lib.rs"]).unwrap_err();
        assert!(matches!(error, CliError::PicturesInFolder { .. }), "{error}");
    }
}
