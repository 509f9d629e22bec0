//! A table of descriptors that processes fork, share and close while threads read through it.
//!
//! Shows: [`Table`]: the lowest free number, `dup`, close-on-exec, a fork-like copy with one more reference to each
//! object, and a `CLONE_FILES`-like handle on the same table; lookups that take no lock; a file that is closed under
//! a reader goes when the reader is done, and its number is free at once.
//!
//! Proves: a reader never met a released file; after exec, a child has what was not marked and nothing else; every
//! file was released exactly once, and all are when the last process and the last reader are gone.
//!
//! Options: `--rounds N` (what each process does), `--seed N`.

mod common;

use common::{Proof, Random, option};
use graceref::{Fd, Pool, Table};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;

const PROCESSES: u64 = 2;
const READERS: u64 = 2;
/// Descriptors of a process, at the most.
const LIMIT: u32 = 32;
/// Rounds between two forks.
const LIFE: u64 = 200;

struct Tally {
    opened: AtomicUsize,
    /// How often each file was.
    released: Vec<AtomicU32>,
    reads: AtomicU64,
    not_open: AtomicU64,
    wrong: AtomicU64,
    forks: AtomicU64,
    inherited: AtomicU64,
    closed_by_exec: AtomicU64,
}

impl Tally {
    /// Of at most so many files.
    fn new(files: usize) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            opened: AtomicUsize::new(0),
            released: (0..files).map(|_| AtomicU32::new(0)).collect(),
            reads: zero(),
            not_open: zero(),
            wrong: zero(),
            forks: zero(),
            inherited: zero(),
            closed_by_exec: zero(),
        }
    }
}

struct File {
    id: usize,
    tally: Arc<Tally>,
    alive: AtomicBool,
}

impl Drop for File {
    fn drop(&mut self) {
        let alive = self.alive.swap(false, Relaxed);
        self.tally.wrong.fetch_add(u64::from(!alive), Relaxed);
        self.tally.released[self.id].fetch_add(1, Relaxed);
    }
}

struct Kernel {
    pool: Pool<File>,
    tally: Arc<Tally>,
}

impl Kernel {
    fn open(&self, table: &Table<File>) -> Option<Fd> {
        let id = self.tally.opened.fetch_add(1, Relaxed);
        let file = File { id, tally: Arc::clone(&self.tally), alive: AtomicBool::new(true) };
        let file = self.pool.insert(file).expect("the pool has no limit");
        // With no number free the file goes again here: released, if never read.
        table.install(file).ok()
    }

    /// A thread of the process: reads through numbers at random, on a handle of its own.
    fn read(&self, table: &Table<File>, mut random: Random, over: &AtomicBool) {
        while !over.load(Relaxed) {
            let Some(file) = table.get(any(&mut random)) else {
                self.tally.not_open.fetch_add(1, Relaxed);
                continue;
            };
            // The number may be closed by now, and be another file's.
            self.tally.reads.fetch_add(1, Relaxed);
            self.tally.wrong.fetch_add(u64::from(!file.alive.load(Relaxed)), Relaxed);
        }
    }

    /// A process: opens, closes and copies; now and then it forks, and the child execs and goes on in its place.
    fn run(&self, mut table: Table<File>, mut random: Random, rounds: u64) -> Table<File> {
        for round in 1..=rounds {
            if round % LIFE == 0 {
                table = self.fork(&table);
            }
            let fd = any(&mut random);
            match random.below(6) {
                0 | 1 => drop(self.open(&table)),
                2 => drop(table.dup(fd)),
                3 => drop(table.dup_to(fd, any(&mut random))),
                4 => drop(table.set_cloexec(fd, true)),
                _ => drop(table.close(fd)),
            }
        }
        table
    }

    fn fork(&self, parent: &Table<File>) -> Table<File> {
        self.tally.forks.fetch_add(1, Relaxed);
        let child = parent.fork();
        let before = child.iter().count();
        let kept = child.iter().filter(|(fd, _)| child.cloexec(*fd) == Some(false)).count();
        let closed = child.close_on_exec();
        let same = child
            .iter()
            .all(|(fd, file)| file.alive.load(Relaxed) && child.cloexec(fd) == Some(false));
        let right = same && child.iter().count() == kept && kept + closed == before;
        self.tally.wrong.fetch_add(u64::from(!right), Relaxed);
        self.tally.inherited.fetch_add(kept as u64, Relaxed);
        self.tally.closed_by_exec.fetch_add(closed as u64, Relaxed);
        child
    }
}

fn any(random: &mut Random) -> Fd {
    Fd::new(u32::try_from(random.below(LIMIT as usize)).unwrap())
}

fn main() -> ExitCode {
    let (rounds, seed) = (option("--rounds", 100_000), option("--seed", 1));
    let most = usize::try_from(PROCESSES * rounds).unwrap();
    let kernel = Kernel { pool: Pool::new(), tally: Arc::new(Tally::new(most)) };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (kernel, over) = (&kernel, &over);
        // The first process and its threads are on one table.
        let first = Table::with_limit(&kernel.pool, LIMIT);
        for reader in 0..READERS {
            let table = first.share();
            scope.spawn(move || kernel.read(&table, Random::new(seed, 100 + reader), over));
        }
        // One thread of it opens and closes under the readers; the others are children with tables of their own.
        let churn = first.share();
        let mut processes: Vec<_> = (1..PROCESSES)
            .map(|i| {
                let child = first.fork();
                scope.spawn(move || drop(kernel.run(child, Random::new(seed, i), rounds)))
            })
            .collect();
        processes.push(scope.spawn(move || {
            let mut random = Random::new(seed, 0);
            for round in 1..=rounds {
                let fd = any(&mut random);
                match random.below(3) {
                    0 | 1 => drop(kernel.open(&churn)),
                    _ => drop(churn.close(fd)),
                }
                if round % LIFE == 0 {
                    drop(kernel.fork(&churn));
                }
            }
        }));
        for process in processes {
            process.join().unwrap();
        }
        over.store(true, Relaxed);
    });

    let tally = &kernel.tally;
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    let opened = tally.opened.load(Relaxed);
    let times = |n| tally.released.iter().filter(|released| released.load(Relaxed) == n).count();
    let (once, never) = (times(1), times(0));
    println!(
        "{opened} files opened, {} reads, {} of numbers that were not open",
        count(&tally.reads),
        count(&tally.not_open)
    );
    println!(
        "{} forks: {} descriptors inherited, {} closed by exec",
        count(&tally.forks),
        count(&tally.inherited),
        count(&tally.closed_by_exec)
    );
    let mut proof = Proof::default();
    proof.that(
        count(&tally.reads) > 0 && count(&tally.inherited) > 0,
        "files were read, and inherited",
    );
    proof.that(count(&tally.closed_by_exec) > 0, "exec closed what was marked");
    proof.that(
        count(&tally.wrong) == 0,
        "no reader met a released file, and each child had what is its own",
    );
    proof.that(once == opened && once + never == most, "every file was released exactly once");
    proof.that(kernel.pool.is_empty(), "and none is left");
    proof.end()
}
