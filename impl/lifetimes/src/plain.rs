//! A driver whose `->poll` reads private_data and takes no reference: a socket, a FIFO.
//!
//! Spec: `Epoll`.

use crate::counts::FCount;
use crate::file::{File, FileOps, Poll};
use graceref::at;
use graceref::sync::{Tracked, within};

/// What private_data points to: always ready.
#[derive(Debug, Default)]
pub struct Plain {
    object: Tracked<()>,
}

impl<C: FCount> FileOps<C> for Plain {
    fn d_release(&self, file: &File<C>) {
        at!("dput");
        file.ghost.around(&file.ghost.gone, "private_data", || self.object.retire());
        file.ghost.gone.set(true);
    }
}

impl<C: FCount> Poll<C> for Plain {
    fn poll(&self, file: &File<C>) -> bool {
        let _scope = within("poll");
        at!("read");
        file.ghost.around(&file.ghost.gone, "private_data", || self.object.with(|_| ()));
        if file.raw_f_count() == 0 {
            file.ghost.dead.set(true);
        }
        false
    }
}
