//! Random operations of threads that come and go, on pools that are killed and dropped under them.
//!
//! A second by itself; `ci/soak MINUTES` for longer. What a thread does follows from the seed, though not how the threads
//! mix. Odd seeds have pools with `CasCount`s, even ones with `FileRefCount`s.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount, Key, Pool, Ref, Stash};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long, in seconds.
const SECONDS: &str = "GRACEREF_SOAK_SECONDS";
/// Which numbers the threads draw; each round has the next seed.
const SEED: &str = "GRACEREF_SOAK_SEED";
const ALIVE: u64 = 0x616c_6976_6500_0000;
const DEAD: u64 = 0x6465_6164_0000_0000;

/// xorshift64*
struct Random(u64);

impl Random {
    fn seeded(seed: u64, thread: u64) -> Self {
        let mixed =
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ thread.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        Self(mixed | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

#[derive(Default)]
struct Counts {
    rounds: AtomicU64,
    /// Of these, with `FileRefCount`s.
    file_refs: AtomicU64,
    threads: AtomicU64,
    inserted: AtomicU64,
    found: AtomicU64,
    stale: AtomicU64,
    refused: AtomicU64,
    kills: AtomicU64,
}

/// One round's pool and what is known of it.
struct Round<C: Count> {
    seed: u64,
    born: AtomicUsize,
    ended: AtomicUsize,
    killed: AtomicUsize,
    told: AtomicUsize,
    /// Objects and keys that threads leave to each other; the handles of threads that are to come.
    left: Mutex<Vec<Ref<Object<C>, C>>>,
    keys: Mutex<Vec<Key>>,
    seen: Mutex<HashSet<Key>>,
}

/// Says of itself whether it lives, and whose key it has.
struct Object<C: Count> {
    state: AtomicU64,
    key: Key,
    round: Arc<Round<C>>,
}

impl<C: Count> Object<C> {
    fn check(&self, key: Key) {
        assert_eq!(self.state.load(Ordering::Relaxed), ALIVE, "an object after its end");
        assert_eq!(self.key, key, "another object than the key's");
    }
}

impl<C: Count> Drop for Object<C> {
    fn drop(&mut self) {
        let before = self.state.swap(DEAD, Ordering::Relaxed);
        assert_eq!(before, ALIVE, "an object ended twice");
        self.round.ended.fetch_add(1, Ordering::SeqCst);
    }
}

fn work<C: Count>(
    id: u64,
    pool: Pool<Object<C>, C>,
    stash: &Stash<Object<C>, C>,
    round: &Arc<Round<C>>,
    counts: &Counts,
) {
    let mut random = Random::seeded(round.seed, id);
    let (mut held, mut keys): (Vec<Ref<Object<C>, C>>, Vec<Key>) = (Vec::new(), Vec::new());
    let mut mine = vec![pool];
    for _ in 0..2_000 + random.below(2_000) {
        let Some(pool) = mine.last() else { break };
        match random.below(100) {
            0..=29 => {
                let state = AtomicU64::new(ALIVE);
                match pool.insert_with_key(|key| Object { state, key, round: Arc::clone(round) }) {
                    Ok(object) => {
                        round.born.fetch_add(1, Ordering::SeqCst);
                        counts.inserted.fetch_add(1, Ordering::Relaxed);
                        keys.push(object.key);
                        held.push(object);
                    }
                    Err(_) => _ = counts.refused.fetch_add(1, Ordering::Relaxed),
                }
            }
            30..=49 if !keys.is_empty() => {
                let key = keys[usize::try_from(random.below(keys.len() as u64)).unwrap()];
                let found = pool.get(key);
                let count = if found.is_some() { &counts.found } else { &counts.stale };
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(object) = found {
                    object.check(key);
                    held.push(object);
                }
            }
            50..=69 if !held.is_empty() => {
                let object =
                    held.swap_remove(usize::try_from(random.below(held.len() as u64)).unwrap());
                object.check(Ref::key(&object));
            }
            70..=74 => {
                // Left to the other threads, or taken from them.
                let mut left = round.left.lock().unwrap();
                if random.below(2) == 0 {
                    left.extend(held.pop());
                } else {
                    held.extend(left.pop());
                }
            }
            75..=79 => {
                let mut left = round.keys.lock().unwrap();
                if random.below(2) == 0 {
                    left.extend(keys.last());
                } else {
                    keys.extend(left.pop());
                }
            }
            80..=85 => {
                if let Some(object) = held.last() {
                    stash.store(object).unwrap();
                }
            }
            86..=91 => {
                if let Some(object) = stash.get_active() {
                    object.check(Ref::key(&object));
                    held.push(object);
                }
            }
            92..=93 => {
                if let Some(place) = pool.vacant() {
                    let key = place.key();
                    assert!(
                        round.seen.lock().unwrap().insert(key),
                        "this key was given out before"
                    );
                    assert!(!pool.contains(key));
                }
            }
            94 => {
                if let Some(key) = keys.pop() {
                    pool.remove(key);
                }
            }
            95 => mine.push(pool.clone()),
            96 if mine.len() > 1 => drop(mine.pop()),
            97 => pool.iter().take(20).for_each(|object| object.check(Ref::key(&object))),
            98 if held.len() > 40 => held.clear(),
            99 if random.below(400) == 0 => {
                let told = Arc::clone(round);
                if pool.kill(move || {
                    assert_eq!(told.ended.load(Ordering::SeqCst), told.born.load(Ordering::SeqCst));
                    told.told.fetch_add(1, Ordering::SeqCst);
                }) {
                    round.killed.fetch_add(1, Ordering::SeqCst);
                    counts.kills.fetch_add(1, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
    // Some go with their hands full: the round's end, and its last threads, see to the rest.
    if random.below(2) == 0 {
        round.left.lock().unwrap().append(&mut held);
    }
}

/// A pool's life: threads come and go until there have been enough, the handles go somewhere in between.
fn play<C: Count>(seed: u64, counts: &Counts) {
    let mut random = Random::seeded(seed, u64::MAX);
    let mut builder = Pool::builder();
    if random.below(3) == 0 {
        builder = builder.limit(u32::try_from(1 + random.below(200)).unwrap());
    }
    if random.below(3) == 0 {
        builder = builder.generations(u32::try_from(1 + random.below(50)).unwrap());
    }
    let pool: Pool<Object<C>, C> = builder.build();
    let round = Arc::new(Round {
        seed,
        born: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
        killed: AtomicUsize::new(0),
        told: AtomicUsize::new(0),
        left: Mutex::default(),
        keys: Mutex::default(),
        seen: Mutex::default(),
    });
    let stash = Arc::new(Stash::new(&pool));
    thread::scope(|s| {
        let mut threads = Vec::new();
        for id in 0..4 + random.below(8) {
            let (pool, stash, round) = (pool.clone(), Arc::clone(&stash), Arc::clone(&round));
            threads.push(s.spawn(move || work(id, pool, &stash, &round, counts)));
            counts.threads.fetch_add(1, Ordering::Relaxed);
            if threads.len() == 3 {
                // An ended thread's number and caches are the next one's.
                threads.remove(0).join().unwrap();
            }
        }
        if random.below(2) == 0 {
            drop((pool, stash));
        }
    });
    // Whoever is left is dropped outside the lock.
    let left = std::mem::take(&mut *round.left.lock().unwrap());
    drop(left);
    let (born, ended) = (round.born.load(Ordering::SeqCst), round.ended.load(Ordering::SeqCst));
    assert_eq!(born, ended, "each object ends once");
    assert_eq!(
        round.killed.load(Ordering::SeqCst),
        round.told.load(Ordering::SeqCst),
        "killed and told"
    );
    counts.rounds.fetch_add(1, Ordering::Relaxed);
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name} is to be a number, and is {value}"))
    })
}

#[test]
fn pools_last_through_threads_that_come_and_go() {
    let (seconds, seed) = (number(SECONDS, 1), number(SEED, 1));
    let counts = Counts::default();
    let started = Instant::now();
    let mut said = Instant::now();
    let say = |next: u64| {
        let Counts { rounds, file_refs, threads, inserted, found, stale, refused, kills } = &counts;
        println!(
            "{:>5} s, next seed {next}: {rounds:?} pools ({file_refs:?} with `FileRefCount`s, {kills:?} killed), \
             {threads:?} threads, {inserted:?} objects, {found:?} found by their keys, {stale:?} not, {refused:?} refused",
            started.elapsed().as_secs()
        );
    };
    let mut next = seed;
    while started.elapsed() < Duration::from_secs(seconds) {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if next.is_multiple_of(2) {
                play::<FileRefCount>(next, &counts);
                counts.file_refs.fetch_add(1, Ordering::Relaxed);
            } else {
                play::<CasCount>(next, &counts);
            }
        }));
        if let Err(panic) = played {
            println!("this round again: {SEED}={next} (its threads' mix is another one each time)");
            std::panic::resume_unwind(panic);
        }
        next += 1;
        if said.elapsed() > Duration::from_secs(10) {
            said = Instant::now();
            say(next);
        }
    }
    say(next);
    let done = |count: &AtomicU64| count.load(Ordering::Relaxed) > 0;
    let one = counts.rounds.load(Ordering::Relaxed) == 1;
    assert!(
        (one || done(&counts.file_refs))
            && done(&counts.found)
            && done(&counts.stale)
            && done(&counts.refused),
        "too short to say anything"
    );
}
