//! A mount: busy while a file on it is open.
//!
//! Spec: `Epoll`, `DmaBuf`.

use graceref::sync::{AtomicU32, Ordering};
use graceref::{at, local};

/// struct mount, as far as EBUSY needs it.
#[derive(Debug)]
pub struct Mount {
    mnt_count: AtomicU32,
}

impl Mount {
    /// A mount in the tree, with one open file on it.
    pub fn with_one_file() -> Self {
        Self { mnt_count: AtomicU32::new(2) }
    }

    /// `mntput`, the file's.
    pub(crate) fn mntput(&self) {
        at!("mntput");
        // ORDERING: Release pairs with the Acquire of `umount`: what was done through the file came before.
        self.mnt_count.fetch_sub(1, Ordering::Release);
    }

    /// `umount(2)`: whether it is refused with EBUSY.
    pub fn umount(&self) -> bool {
        at!("umount");
        // ORDERING: Acquire pairs with the Release of `mntput`.
        let busy = self.mnt_count.load(Ordering::Acquire) > 1;
        local!(busy = busy);
        busy
    }

    /// The number of references, for observers.
    pub fn raw_mnt_count(&self) -> u32 {
        self.mnt_count.raw_load()
    }
}
