//! Variables of the proof: invisible to the engines, compared with the spec's ghosts in every state.

use graceref::sync::model::{Ghost, violated};

/// What has happened to a struct file.
#[derive(Debug, Default)]
pub(crate) struct FileGhost {
    pub(crate) died: Ghost<bool>,
    pub(crate) released: Ghost<u32>,
    pub(crate) freed: Ghost<bool>,
    pub(crate) uaf: Ghost<bool>,
}

impl FileGhost {
    /// A step touches memory that is gone if `gone`.
    pub(crate) fn touch(&self, gone: bool, what: &str) {
        if gone {
            self.uaf.set(true);
            violated("NoUseAfterFree", format_args!("{what} was used after it was freed"));
        }
    }
}
