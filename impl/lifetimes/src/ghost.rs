//! Variables of the proof: invisible to the engines, compared with the spec's ghosts in every state.

use graceref::sync::model::{Ghost, around, violated};

/// What has happened to a struct file.
#[derive(Debug, Default)]
pub(crate) struct FileGhost {
    pub(crate) died: Ghost<bool>,
    pub(crate) released: Ghost<u32>,
    /// What its private_data points to is free memory.
    pub(crate) gone: Ghost<bool>,
    pub(crate) freed: Ghost<bool>,
    pub(crate) uaf: Ghost<bool>,
    /// An event came from it while its count was zero.
    pub(crate) dead: Ghost<bool>,
}

/// The ghosts of a struct file, for observers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, clippy::struct_excessive_bools)]
pub struct FileGhosts {
    pub died: bool,
    pub released: u32,
    pub gone: bool,
    pub freed: bool,
    pub uaf: bool,
    pub dead: bool,
}

impl FileGhost {
    /// A step touches memory that is gone if `gone`.
    pub(crate) fn touch(&self, gone: bool, what: &str) {
        if gone {
            self.uaf.set(true);
            violated("NoUseAfterFree", format_args!("{what} was used after it was freed"));
        }
    }

    /// A step touches memory that had better not be gone.
    pub(crate) fn around<R>(&self, gone: &Ghost<bool>, what: &str, step: impl FnOnce() -> R) -> R {
        around(step, || self.touch(gone.get(), what))
    }

    pub(crate) fn look(&self) -> FileGhosts {
        FileGhosts {
            died: self.died.get(),
            released: self.released.get(),
            gone: self.gone.get(),
            freed: self.freed.get(),
            uaf: self.uaf.get(),
            dead: self.dead.get(),
        }
    }
}
