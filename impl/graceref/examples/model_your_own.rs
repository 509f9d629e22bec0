//! Your own code on top of graceref, explored: a cache of connections with a bug, and without it.
//!
//! Shows: how code that uses keys is given to [`graceref::model`], and what it answers. The file descriptor of a
//! closed connection is the next connection's. Looking whether a key is still good and then writing is not enough:
//! between the two the connection may be closed and its descriptor be somebody else's, who gets the message.
//!
//! Proves, under an engine: the bug is found, with the interleaving; the mended code was explored in full and never
//! writes to the wrong peer. On real threads it may take luck to find the bug; the mended code never shows it.
//!
//! ```sh
//! RUSTFLAGS="--cfg graceref_shuttle" cargo run -p graceref --example model_your_own --features model --profile model
//! RUSTFLAGS="--cfg graceref_loom"    cargo run -p graceref --example model_your_own --features model --profile model
//! cargo run -p graceref --example model_your_own --features model
//! ```

use graceref::model::{Explored, Hand, Model, require, witness};
use graceref::sync::{AtomicU64, ENGINE, Engine, Ordering};
use graceref::{Key, Pool, Ref, at};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

// --- The code to be checked. All that threads compete for goes through graceref or graceref::sync. ---

/// The descriptor table, as far as the example needs it: one descriptor, and the peer that is at its other end.
#[derive(Default)]
struct Descriptor(AtomicU64);

const CLOSED: u64 = 0;

impl Descriptor {
    /// Opens the descriptor, unless it is open already.
    fn open(self: &Arc<Self>, peer: u64) -> Option<Connection> {
        at!("open");
        // ORDERING: AcqRel pairs with itself in `drop`; relaxed where nothing is opened.
        let opened = self.0.compare_exchange(CLOSED, peer, Ordering::AcqRel, Ordering::Relaxed);
        opened.ok().map(|_| Connection { descriptor: Arc::clone(self) })
    }

    /// Writes, and returns whom to.
    fn write(&self) -> u64 {
        at!("write");
        // ORDERING: Acquire pairs with the AcqRel of `open`.
        self.0.load(Ordering::Acquire)
    }
}

/// A connection; dropping it closes the descriptor.
struct Connection {
    descriptor: Arc<Descriptor>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        at!("close");
        // ORDERING: AcqRel pairs with the AcqRel of the next `open`.
        self.descriptor.0.swap(CLOSED, Ordering::AcqRel);
    }
}

/// The connections, and how to send something through one of which one has the key.
struct Cache {
    descriptor: Arc<Descriptor>,
    pool: Pool<Connection>,
}

impl Cache {
    /// The bug: the key is good when it is looked at, and nothing keeps it so.
    fn send_unheld(&self, key: Key) -> Option<u64> {
        self.pool.contains(key).then(|| self.descriptor.write())
    }

    /// The reference keeps the connection open until the message is written.
    fn send(&self, key: Key) -> Option<u64> {
        let connection = self.pool.get(key)?;
        Some(connection.descriptor.write())
    }
}

// --- The model of it. ---

const FIRST: u64 = 1;
const SECOND: u64 = 2;

struct World {
    cache: Cache,
    key: Key,
    first: Hand<Ref<Connection>>,
    /// Kept until the end.
    second: Mutex<Option<Ref<Connection>>>,
}

fn world() -> World {
    let descriptor = Arc::<Descriptor>::default();
    let pool = Pool::with_limit(2);
    let first = pool.insert(descriptor.open(FIRST).unwrap()).ok().unwrap();
    World {
        key: Ref::key(&first),
        first: Hand::holding(first),
        second: Mutex::default(),
        cache: Cache { descriptor, pool },
    }
}

fn explore(name: &str, send: fn(&Cache, Key) -> Option<u64>) -> Explored {
    Model::new(name, world)
        .thread("sender", move |world: &World| match send(&world.cache, world.key) {
            Some(peer) => {
                require(peer != CLOSED, "StillOpen");
                require(peer != SECOND, "RightPeer");
            }
            None => witness("Refused", format_args!("the key was stale")),
        })
        .thread("closer", |world| {
            drop(world.first.take());
            let opened = world.cache.descriptor.open(SECOND);
            let second = opened.and_then(|connection| world.cache.pool.insert(connection).ok());
            *world.second.lock().unwrap() = second;
        })
        .at_end(|world| {
            let opened = world.second.lock().unwrap().is_some();
            let now = world.cache.descriptor.write();
            require(now == if opened { SECOND } else { CLOSED }, "ClosedOnce");
            require(!world.cache.pool.contains(world.key), "StaleForEver");
        })
        .explore()
}

fn main() -> ExitCode {
    let broken = explore("a cache that looks, then writes", Cache::send_unheld);
    println!("{broken}");
    let mended = explore("a cache that writes under a reference", Cache::send);
    println!("{mended}");

    let found = broken.found("RightPeer").is_some();
    let proved = mended.holds() && mended.witnesses.contains_key("Refused");
    if ENGINE == Engine::Std {
        println!(
            "proved nothing (real threads): bug found: {found}, mended code seen to break: {}",
            !proved
        );
        return if mended.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let proved = proved && mended.complete();
    println!("proved: bug found: {found}, mended code explored in full and right: {proved}");
    if found && proved { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
