//! A table of sessions with timeouts: clients hold keys, one thread owns the sessions and ends those that are idle.
//!
//! Shows: a [`Key`] as a token that goes out to clients and back; [`Pool::remove`], after which a session is
//! found no more while those who work with it finish in peace; a release hook, which runs once, after the last of
//! them, wherever that is; [`Pool::kill`], which tells when all is over.
//!
//! Proves: nobody worked with a session after it was released; a token of an ended session was refused every time;
//! every session was released exactly once; the pool was drained.
//!
//! Options: `--rounds N` (requests of each worker), `--seed N`.

mod common;

use common::{Proof, Random, option};
use graceref::{Key, Pool, Ref};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const WORKERS: u64 = 3;
const CLIENTS: usize = 200;
/// A session that was not used for so many ticks of the reaper's is over.
const IDLE: u64 = 3;
const TICK: Duration = Duration::from_millis(1);

struct Session {
    client: usize,
    last_used: AtomicU64,
    requests: AtomicU64,
    released: AtomicBool,
}

#[derive(Default)]
struct Tally {
    logins: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
    wrong: AtomicU64,
    released: AtomicU64,
    released_twice: AtomicU64,
}

struct Service {
    pool: Pool<Session>,
    clock: AtomicU64,
    tally: Arc<Tally>,
    /// Each client's token, as it was told to it. Any client may use an old one.
    tokens: Vec<AtomicU64>,
}

impl Service {
    /// Opens a session. The reference that keeps it goes to the reaper, the key to the client.
    fn log_in(&self, client: usize, reaper: &mpsc::Sender<Ref<Session>>) {
        let session = Session {
            client,
            last_used: AtomicU64::new(self.clock.load(Relaxed)),
            requests: AtomicU64::new(0),
            released: AtomicBool::new(false),
        };
        let session = self.pool.insert(session).expect("the pool has no limit");
        self.tally.logins.fetch_add(1, Relaxed);
        self.tokens[client].store(Ref::key(&session).to_u64(), Relaxed);
        reaper.send(session).expect("the reaper outlives the workers");
    }

    /// A request with a token; false if its session is over.
    fn request(&self, client: usize, token: Key) -> bool {
        let Some(session) = self.pool.get(token) else { return false };
        session.last_used.store(self.clock.load(Relaxed), Relaxed);
        session.requests.fetch_add(1, Relaxed);
        // Something is done for the client here, and the session may be ended meanwhile. It stays until we are done.
        thread::yield_now();
        if session.released.load(Relaxed) || session.client != client {
            self.tally.wrong.fetch_add(1, Relaxed);
        }
        true
    }

    fn work(&self, mut random: Random, rounds: u64, reaper: &mpsc::Sender<Ref<Session>>) {
        for _ in 0..rounds {
            // A few clients are busy, most are idle for long.
            let spread = if random.below(20) == 0 { CLIENTS } else { 8 };
            let client = random.below(spread);
            let token = Key::from_u64(self.tokens[client].load(Relaxed));
            if token.is_some_and(|token| self.request(client, token)) {
                self.tally.requests.fetch_add(1, Relaxed);
            } else {
                self.tally.refused.fetch_add(u64::from(token.is_some()), Relaxed);
                self.log_in(client, reaper);
            }
        }
    }

    /// Owns the sessions, ends the idle ones, and returns how many it ended while somebody worked with them.
    fn reap(&self, logins: &mpsc::Receiver<Ref<Session>>) -> (u64, u64) {
        let mut sessions: Vec<Ref<Session>> = Vec::new();
        let (mut ended, mut in_use) = (0, 0);
        loop {
            let now = self.clock.fetch_add(1, Relaxed) + 1;
            sessions.retain(|session| {
                let idle = now.saturating_sub(session.last_used.load(Relaxed));
                if idle < IDLE {
                    return true;
                }
                // From here on its token is refused. Whoever got it before keeps it until done.
                ended += u64::from(self.pool.remove(Ref::key(session)));
                in_use += u64::from(Ref::refs(session) > 1);
                false
            });
            let wake = Instant::now() + TICK;
            loop {
                match logins.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                    Ok(session) => sessions.push(session),
                    Err(mpsc::RecvTimeoutError::Timeout) => break,
                    Err(mpsc::RecvTimeoutError::Disconnected) => return (ended, in_use),
                }
            }
        }
    }
}

fn main() -> ExitCode {
    let (rounds, seed) = (option("--rounds", 150_000), option("--seed", 1));
    let tally = Arc::<Tally>::default();
    let told = Arc::clone(&tally);
    let pool = Pool::<Session>::builder()
        .on_release(move |session| {
            told.released.fetch_add(1, Relaxed);
            let twice = session.released.swap(true, Relaxed);
            told.released_twice.fetch_add(u64::from(twice), Relaxed);
        })
        .build();
    let tokens = (0..CLIENTS).map(|_| AtomicU64::new(0)).collect();
    let service = Service { pool, clock: AtomicU64::new(0), tally: Arc::clone(&tally), tokens };

    let (ended, in_use) = thread::scope(|scope| {
        let service = &service;
        let (log_in, logins) = mpsc::channel();
        let reaper = scope.spawn(move || service.reap(&logins));
        for worker in 0..WORKERS {
            let log_in = log_in.clone();
            scope.spawn(move || service.work(Random::new(seed, worker), rounds, &log_in));
        }
        drop(log_in);
        reaper.join().unwrap()
    });

    let (tell, told) = mpsc::channel();
    let killed = service.pool.kill(move || tell.send(()).expect("we wait for it"));
    let drained = killed && told.recv_timeout(Duration::from_secs(5)).is_ok();
    let all_refused = service.tokens.iter().all(|token| {
        Key::from_u64(token.load(Relaxed)).is_none_or(|token| service.pool.get(token).is_none())
    });

    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let logins = count(&tally.logins);
    println!("{} requests, {logins} sessions", count(&tally.requests));
    println!(
        "{ended} timed out ({in_use} of them in use), {} stale tokens refused",
        count(&tally.refused)
    );
    let mut proof = Proof::default();
    proof.that(count(&tally.requests) > 0 && ended > 0, "sessions were used, and timed out");
    proof.that(count(&tally.wrong) == 0, "no request met a released or another's session");
    proof.that(
        count(&tally.released) == logins && count(&tally.released_twice) == 0,
        "every session was released exactly once",
    );
    proof.that(drained && all_refused, "the killed pool was drained, and finds nothing");
    proof.end()
}
