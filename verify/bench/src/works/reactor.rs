//! reactor: the event path of a program with many connections.
//!
//! The kernel hands over batches of events, each a 64-bit number that was given to it with the connection
//! (`epoll_event.data`). The program finds the connection by it, reads it, and lets go. Meanwhile connections close
//! and new ones take their place, and some events are late: they name what is gone.

use super::{Random, number};
use crate::harness::{Group, Steps, Subject};
use crate::subjects::graceref::Keyed;
use crate::subjects::{Table, Value, maps, slabs};
use ::graceref::{CasCount, FileRefCount};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Events in a batch, as a call of `epoll_wait` gives them.
const BATCH: u64 = 256;
/// One connection in so many events closes, and another opens.
const CHURN: u64 = 16;
/// So many of a hundred events are late: they carry the key of the connection that was there before.
const LATE: u64 = 10;

pub(super) fn reactor(live: usize) -> Vec<Group> {
    vec![Group {
        work: "reactor",
        variant: "1 in 16 renewed, 10% late".to_owned(),
        // Batches that outlast the filling of the third-level cache.
        stretch: 5,
        subjects: vec![
            served_by::<Keyed<CasCount>>(live),
            served_by::<Keyed<FileRefCount>>(live),
            served_by::<slabs::Sharded>(live),
            served_by::<slabs::Idr>(live),
            served_by::<slabs::Locked>(live),
            served_by::<maps::Dash>(live),
            served_by::<maps::Papaya>(live),
        ],
        // Whether an event comes before or after the close of its connection is a race between the threads.
        expected: None,
    }]
}

/// What the kernel knows: the number of each connection, and the one before it.
struct Kernel {
    now: Vec<AtomicU64>,
    before: Vec<AtomicU64>,
}

/// A thread of the program: it owns, opens and closes its part of the connections, and takes events of all.
struct Loop<T: Table> {
    table: Arc<T>,
    kernel: Arc<Kernel>,
    random: Random,
    /// The connections from here on are this thread's.
    first: usize,
    owned: Vec<Option<T::Owned>>,
    opened: u64,
    events: Vec<u64>,
    /// The next event of the batch.
    at: usize,
}

impl<T: Table> Loop<T> {
    /// Closes a connection of its own and opens another in its place.
    #[inline(always)]
    fn renew(&mut self, mine: usize) {
        let place = self.first + mine;
        let key = self.kernel.now[place].load(Ordering::Relaxed);
        if let Some(owned) = self.owned[mine].take() {
            self.table.remove(key, owned);
        }
        self.kernel.before[place].store(key, Ordering::Relaxed);
        self.opened += 1;
        let (key, owned) = self.table.insert(Value::new(number(place) + (self.opened << 32)));
        self.owned[mine] = Some(owned);
        self.kernel.now[place].store(key, Ordering::Relaxed);
    }

    /// All its connections open, on the thread that will close them.
    fn open_all(&mut self) {
        for mine in 0..self.owned.len() {
            self.renew(mine);
        }
    }

    /// What `epoll_wait` does.
    fn wait(&mut self) {
        self.events.clear();
        let places = self.kernel.now.len() as u64;
        for _ in 0..BATCH {
            let random = self.random.next();
            #[allow(clippy::cast_possible_truncation)] // below the number of places
            let place = ((u128::from(random) * u128::from(places)) >> 64) as usize;
            let keys = if random % 100 < LATE { &self.kernel.before } else { &self.kernel.now };
            self.events.push(keys[place].load(Ordering::Relaxed));
        }
        self.at = 0;
    }

    fn serve(&mut self, events: u64) -> u64 {
        if self.opened == 0 {
            self.open_all();
        }
        let mut sum = 0_u64;
        for event in 0..events {
            if self.at == self.events.len() {
                self.wait();
            }
            let key = black_box(self.events[self.at]);
            self.at += 1;
            sum = sum.wrapping_add(self.table.get(key));
            if event % CHURN == 0 {
                #[allow(clippy::cast_possible_truncation)] // below the number of its places
                let mine = self.random.below(self.owned.len() as u64) as usize;
                self.renew(mine);
            }
        }
        sum
    }
}

pub(super) fn served_by<T: Table>(live: usize) -> Subject {
    let make = move |threads: usize| {
        let table = Arc::new(T::new());
        let none = || (0..live).map(|_| AtomicU64::new(0)).collect();
        let kernel = Arc::new(Kernel { now: none(), before: none() });
        let each = live / threads;
        let steps = |thread: usize| {
            let mut events = Loop {
                table: Arc::clone(&table),
                kernel: Arc::clone(&kernel),
                random: Random(thread as u64 + 1),
                first: thread * each,
                owned: (0..each).map(|_| None).collect(),
                opened: 0,
                events: Vec::new(),
                at: 0,
            };
            Box::new(move |count| events.serve(count)) as Steps
        };
        (0..threads).map(steps).collect()
    };
    Subject { name: T::NAME, make: Box::new(make) }
}
