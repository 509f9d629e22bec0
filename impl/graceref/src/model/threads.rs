//! The plain build: real threads, many rounds, and threads that wait for each other's steps now and then.

use super::explored::{Explored, Extent, Finding};
use super::play::{Book, Cast, Scene};
use super::{Options, panics};
use crate::sync::model;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::prelude::v1::*;
use std::sync::{Arc, Barrier, PoisonError, RwLock};

/// Rounds between two meetings of all threads: meeting costs more than a round.
const BATCH: u64 = 250;
/// How long a thread that waits for the others to come to its round keeps its core.
const PATIENCE: u32 = 300;

struct Round<W> {
    scene: Scene<W>,
    arrived: AtomicUsize,
    steps: model::Steps,
}

pub(super) fn explore<W: Send + Sync + 'static>(
    cast: &Arc<Cast<W>>,
    options: &Options,
    explored: &mut Explored,
) {
    let book = Book::new("threads");
    let threads = cast.threads.len();
    let barrier = Barrier::new(threads);
    // An empty batch sends the threads home.
    let batch: RwLock<Vec<Round<W>>> = RwLock::new(Vec::new());
    let part = |thread: usize| {
        let played = batch.read().unwrap_or_else(PoisonError::into_inner);
        for (i, round) in played.iter().enumerate() {
            meet(&round.arrived, threads);
            // Every other round goes as the machine has it.
            model::set_dally((i % 2 == 0).then(|| Arc::clone(&round.steps)));
            panics::noted(&book, || (cast.threads[thread].1)(&round.scene.world));
            model::set_dally(None);
        }
        !played.is_empty()
    };
    std::thread::scope(|scope| {
        for thread in 1..threads {
            let (barrier, part) = (&barrier, &part);
            scope.spawn(move || {
                model::seed_dally(options.seed.wrapping_add(thread as u64).max(1));
                loop {
                    barrier.wait();
                    if !part(thread) {
                        break;
                    }
                    barrier.wait();
                }
            });
        }
        model::seed_dally(options.seed.wrapping_add(threads as u64).max(1));
        let mut left = options.rounds;
        while left > 0 && !book.notes().stopped {
            let now = left.min(BATCH);
            left -= now;
            let rounds = (0..now).map(|_| Round {
                scene: Scene::set(cast),
                arrived: AtomicUsize::new(0),
                steps: model::Steps::default(),
            });
            *batch.write().unwrap_or_else(PoisonError::into_inner) = rounds.collect();
            barrier.wait();
            part(0);
            barrier.wait();
            for round in &*batch.read().unwrap_or_else(PoisonError::into_inner) {
                panics::noted(&book, || (cast.end)(&round.scene.world));
            }
            book.notes().executions += now;
            collect(&book);
        }
        batch.write().unwrap_or_else(PoisonError::into_inner).clear();
        barrier.wait();
    });
    book.close(Extent::Sample, explored);
}

fn meet(arrived: &AtomicUsize, threads: usize) {
    // ORDERING: Relaxed; only a meeting, which orders nothing.
    arrived.fetch_add(1, Ordering::Relaxed);
    let mut spins = 0;
    // ORDERING: Relaxed, likewise.
    while arrived.load(Ordering::Relaxed) < threads {
        spins += 1;
        if spins < PATIENCE {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

fn collect(book: &Book) {
    let report = model::take_report();
    for (property, detail) in report.violations {
        book.find(property, Finding { detail, pass: book.pass, steps: Vec::new() });
    }
    for (behaviour, account) in report.witnesses {
        book.see(behaviour, account);
    }
}

pub(super) fn limit(_: &str) -> Option<String> {
    None
}

pub(super) fn property(_: &str) -> &'static str {
    "NoPanic"
}
