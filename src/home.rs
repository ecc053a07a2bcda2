//! Where Allo keeps what outlives a run: the folder that `ALLO_HOME` names, else the user's data folder.
//!
//! It holds the store (`allo.db`), speech that was made (`voice/`) and the models (`models/`, or the folder that `ALLO_MODELS` names, so that several
//! homes share one set of models).

use std::path::{Path, PathBuf};

/// Environment variable for the folder of store, audio and models.
pub const HOME_VARIABLE: &str = "ALLO_HOME";
/// Environment variable for a folder of models shared by several homes.
pub const MODELS_VARIABLE: &str = "ALLO_MODELS";

/// No folder could be found to keep data in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no folder for Allo's data: none of ALLO_HOME, XDG_DATA_HOME and HOME is set\nhint: set ALLO_HOME to a folder you may write to"
)]
pub struct NoHome;

/// The resolved folders. Nothing is created until something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    models: PathBuf,
}

impl Home {
    /// Reads the environment through `variable` (`|name| std::env::var_os(name)` outside tests).
    ///
    /// # Errors
    /// [`NoHome`] when no variable names a folder.
    pub fn resolve(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, NoHome> {
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = folder(HOME_VARIABLE)
            .or_else(|| folder("XDG_DATA_HOME").map(|data| data.join("allo")))
            .or_else(|| folder("HOME").map(|home| home.join(".local/share/allo")))
            .ok_or(NoHome)?;
        let models = folder(MODELS_VARIABLE).unwrap_or_else(|| root.join("models"));
        Ok(Self { root, models })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where models lie.
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// Where speech is kept that was made once.
    pub fn voice_folder(&self) -> PathBuf {
        self.root.join("voice")
    }

    /// The embedded store's file.
    pub fn store_file(&self) -> PathBuf {
        self.root.join("allo.db")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(pairs: &[(&str, &str)]) -> Result<Home, NoHome> {
        Home::resolve(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| std::ffi::OsString::from(value))
        })
    }

    #[test]
    fn the_explicit_folder_wins_and_models_can_be_shared() {
        let home = resolve(&[("ALLO_HOME", "/a"), ("HOME", "/h"), ("ALLO_MODELS", "/m")]).unwrap();
        assert_eq!(home.store_file(), Path::new("/a/allo.db"));
        assert_eq!(home.models(), Path::new("/m"));
    }

    #[test]
    fn without_it_the_users_data_folder_serves() {
        assert_eq!(resolve(&[("HOME", "/h")]).unwrap().root(), Path::new("/h/.local/share/allo"));
        assert_eq!(resolve(&[("XDG_DATA_HOME", "/d")]).unwrap().models(), Path::new("/d/allo/models"));
        assert_eq!(resolve(&[("ALLO_HOME", "")]), Err(NoHome));
    }
}
