//! Where the project is.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// The project root and the folders under it that matter here.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    dir: PathBuf,
}

impl Root {
    /// The folder named, else the nearest one above the working directory that has spec/ and
    /// verify/, else the one that this program was built in.
    pub(crate) fn find(named: Option<&Path>) -> Result<Root, Failure> {
        if let Some(dir) = named {
            return Root::at(dir).ok_or_else(|| {
                Failure::new(
                    format!(
                        "{} is not the project root: it has no spec/ and verify/",
                        dir.display()
                    ),
                    "name the folder that has both, or leave --root out",
                )
            });
        }
        let above = std::env::current_dir().ok();
        let above = above.iter().flat_map(|dir| dir.ancestors()).find_map(Root::at);
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
        above.or_else(|| built_in.ancestors().find_map(Root::at)).ok_or_else(|| {
            Failure::new(
                "this is not inside the project: no folder above has spec/ and verify/",
                "change into the repository, or name it with --root DIR",
            )
        })
    }

    fn at(dir: &Path) -> Option<Root> {
        let is_root = dir.join("spec").is_dir() && dir.join("verify").is_dir();
        // Absolute, because runners and TLC are started in other folders.
        is_root.then(|| Root { dir: std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()) })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn spec(&self) -> PathBuf {
        self.dir.join("spec")
    }

    pub(crate) fn claims(&self) -> PathBuf {
        self.dir.join("verify").join("claims")
    }

    pub(crate) fn counts(&self) -> PathBuf {
        self.dir.join("verify").join("counts.toml")
    }

    /// Where the engines' runners are put.
    pub(crate) fn runners(&self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .filter(|dir| !dir.is_empty())
            .map_or_else(|| self.dir.join("target"), |dir| self.dir.join(dir));
        target.join("verify")
    }
}

#[cfg(test)]
mod tests {
    use super::Root;

    #[test]
    fn a_folder_without_spec_and_verify_is_not_the_root() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Root::find(Some(dir.path())).is_err());
        std::fs::create_dir(dir.path().join("spec")).unwrap();
        std::fs::create_dir(dir.path().join("verify")).unwrap();
        assert!(Root::find(Some(dir.path())).is_ok());
    }
}
