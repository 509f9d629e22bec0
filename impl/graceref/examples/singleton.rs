//! A stashed singleton: there is at most one in the stash, nobody owns it there, and it is made again when it is gone.
//!
//! Shows the two shapes that drivers of the kernel have for it. In both the stash holds no reference, and the
//! singleton's destructor clears it; between the last put and that moment the stash points to a dead object.
//!
//! - i915, `mmap_singleton`: no lock. [`Stash::get_active`] takes a reference unless the object is dead, and looks
//!   again. Two threads may both make one; the later is stashed.
//! - vmwgfx, `get_dma_buf_unless_doomed`: a lock around lookup, creation and the destructor's clearing, and
//!   [`Stash::get_under_lock`], which needs no second look. No two threads make one at the same time.
//!
//! Proves, for each shape: no lookup found a released object; each was released exactly once; at the end the stash is
//! empty.
//!
//! Options: `--rounds N` (lookups of each thread), `--seed N`.

mod common;

use common::{Proof, Random, option};
use graceref::{Pool, Ref, Stash};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;

const THREADS: u64 = 4;

struct Singleton {
    id: usize,
    driver: Arc<Driver>,
    /// 1 while it lives.
    alive: AtomicUsize,
}

struct Driver {
    stash: Stash<Singleton>,
    /// The second shape's.
    lock: Option<Mutex<()>>,
    created: AtomicUsize,
    /// How often each of them was.
    released: Vec<AtomicU32>,
}

impl Drop for Singleton {
    fn drop(&mut self) {
        let _held = self.driver.lock.as_ref().map(|lock| lock.lock().unwrap());
        self.driver.stash.clear(self);
        self.alive.fetch_sub(1, Relaxed);
        self.driver.released[self.id].fetch_add(1, Relaxed);
    }
}

/// What became of a lookup.
enum Lookup {
    Found(Ref<Singleton>),
    Created(Ref<Singleton>),
}

impl Driver {
    fn create(self: &Arc<Self>, pool: &Pool<Singleton>) -> Ref<Singleton> {
        let id = self.created.fetch_add(1, Relaxed);
        let singleton = Singleton { id, driver: Arc::clone(self), alive: AtomicUsize::new(1) };
        let singleton = pool.insert(singleton).expect("the pool has no limit");
        self.stash.store(&singleton).expect("of the stash's pool");
        singleton
    }

    fn look_up(self: &Arc<Self>, pool: &Pool<Singleton>) -> Lookup {
        let Some(lock) = &self.lock else {
            return match self.stash.get_active() {
                Some(found) => Lookup::Found(found),
                None => Lookup::Created(self.create(pool)),
            };
        };
        let held = lock.lock().unwrap();
        match self.stash.get_under_lock(&held) {
            Some(found) => Lookup::Found(found),
            // A dead one may still be there, on its way to the lock: the new one takes its place.
            None => Lookup::Created(self.create(pool)),
        }
    }
}

/// What a thread counted.
#[derive(Default)]
struct Tally {
    found: u64,
    created: u64,
    wrong: u64,
}

fn shape(name: &str, lock: Option<Mutex<()>>, rounds: u64, seed: u64, proof: &mut Proof) {
    let pool: Pool<Singleton> = Pool::new();
    // Each lookup makes one at the most.
    let most = usize::try_from(THREADS * rounds).unwrap();
    let driver = Arc::new(Driver {
        stash: Stash::new(&pool),
        lock,
        created: AtomicUsize::new(0),
        released: (0..most).map(|_| AtomicU32::new(0)).collect(),
    });
    let run = |thread| {
        let (pool, driver) = (&pool, &driver);
        move || {
            let (mut random, mut tally) = (Random::new(seed, thread), Tally::default());
            let mut held = Vec::new();
            for _ in 0..rounds {
                let object = match driver.look_up(pool) {
                    Lookup::Found(object) => {
                        tally.found += 1;
                        object
                    }
                    Lookup::Created(object) => {
                        tally.created += 1;
                        object
                    }
                };
                tally.wrong += u64::from(object.alive.load(Relaxed) != 1);
                // Some keep it for a while. Now and then everything is put, and it dies when all have.
                held.push(object);
                if random.below(4) > 0 || held.len() > 8 {
                    held.clear();
                }
            }
            tally
        }
    };
    let tally: Vec<Tally> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|i| scope.spawn(run(i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tally) -> u64| tally.iter().map(of).sum::<u64>();
    let (found, refused, wrong) = (sum(|s| s.found), sum(|s| s.created), sum(|s| s.wrong));
    println!("{name}: {found} lookups found it, {refused} were refused and made it anew");
    let created = driver.created.load(Relaxed);
    let times = |n| driver.released.iter().filter(|released| released.load(Relaxed) == n).count();
    let (once, never) = (times(1), times(0));
    proof.that(found > 0 && created > 1, "it was found, and made more than once");
    proof.that(wrong == 0, "no lookup found a released one");
    proof.that(created as u64 == refused, "each that was made is counted");
    proof.that(once == created && once + never == most, "each was released exactly once");
    proof.that(driver.stash.get_active().is_none(), "the stash is empty at the end");
}

fn main() -> ExitCode {
    let (rounds, seed) = (option("--rounds", 200_000), option("--seed", 1));
    let mut proof = Proof::default();
    shape("without a lock (i915)", None, rounds, seed, &mut proof);
    shape("under a lock (vmwgfx)", Some(Mutex::new(())), rounds, seed, &mut proof);
    proof.end()
}
