//! Large graphs, and many runs.

mod steps;

use lockstep::explore::explore;
use lockstep::graph::{Edge, Graph};
use lockstep::probe::Observation;
use lockstep::value::Value;
use lockstep::walk::{Options, walk};
use std::sync::Arc;
use std::time::Instant;
use steps::{Me, Window, Word, execute};

const THREADS: usize = 4;
const NAMES: [&str; THREADS] = ["a", "b", "c", "d"];
const LABELS: [&str; 13] =
    ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"];

/// Threads of so many steps each, in any order.
fn grid(length: usize) -> Graph {
    let side = length + 1;
    let count = side.pow(4);
    let digit =
        |node: usize, thread: usize| node / side.pow(u32::try_from(thread).expect("small")) % side;
    let label = |step: usize| if step == length { "Done" } else { LABELS[step] };
    let mut states = Vec::new();
    let mut edges = Vec::new();
    for node in 0..count {
        let pc = Value::record((0..THREADS).map(|t| (NAMES[t], label(digit(node, t)))));
        let sum: usize = (0..THREADS).map(|t| digit(node, t)).sum();
        states.push(vec![pc, sum.into()]);
        for t in (0..THREADS).filter(|&t| digit(node, t) < length) {
            let to = node + side.pow(u32::try_from(t).expect("small"));
            edges.push(Edge { from: node, to, action: label(digit(node, t)).into(), param: None });
        }
    }
    let variables = vec!["pc".to_owned(), "sum".to_owned()];
    Graph::new("grid", "Grid", variables, states, vec![0], edges).expect("the parts fit")
}

fn program(length: usize) -> impl Fn() + Send + Sync {
    move || {
        let show = |w: &(Word, Vec<u8>)| Observation::from([("sum".to_owned(), w.0.peek().into())]);
        // A world of the size of a small real one.
        execute(THREADS, (Word::new(1, 0), vec![0; 4096]), show, move |me: Me, w| {
            for label in &LABELS[..length] {
                me.add(label, &w.0, 1);
            }
        });
    }
}

/// The memory that is in use, in kB.
fn resident() -> i64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A run that is ended where it is leaks what its threads hold, for shuttle does not run them to their end.
#[test]
fn nothing_of_the_runs_is_left() {
    let alive = Arc::new(());
    let token = Arc::clone(&alive);
    let program = move || {
        let show = |w: &(Word, Vec<Word>, Arc<()>)| {
            Observation::from([("sum".to_owned(), w.0.peek().into())])
        };
        let own = (2..6).map(|id| Word::new(id, 0)).collect();
        execute(THREADS, (Word::new(1, 0), own, Arc::clone(&token)), show, |me: Me, w| {
            for label in &LABELS[..3] {
                me.add(label, &w.1[me.0], 1);
                w.0.poke(w.0.peek() + 1);
            }
        });
    };
    let last = 1;
    let graph = grid(3);
    let found =
        walk(&graph, Options::default(), Window::on(&NAMES), program.clone()).expect("it walks");
    assert!(found.same() && found.runs > 100);
    assert_eq!(Arc::strong_count(&alive), 2 + last, "worlds of the walk are left");
    let found = explore(Window::on(&NAMES), u64::MAX, program);
    assert!(found.complete && found.executions > 100 && found.classes.len() == 1);
    assert_eq!(Arc::strong_count(&alive), 1 + last, "worlds of the exploration are left");
}

#[test]
#[ignore = "measures time and memory on large graphs; the walk tests assert the same on small ones; run it with --release -- --ignored --nocapture --test-threads=1"]
fn large_graphs() {
    for length in [6, 8, 10] {
        let graph = grid(length);
        let before = resident();
        let start = Instant::now();
        let options = Options { random: 0, ..Options::default() };
        let found = walk(&graph, options, Window::on(&NAMES), program(length)).expect("it walks");
        assert!(found.same());
        eprintln!(
            "{} states, {} edges, {} runs: {:.2?}, {} kB more",
            found.states,
            found.edges,
            found.runs,
            start.elapsed(),
            resident() - before
        );
    }
}

#[test]
#[ignore = "measures memory over 20,000 runs; the leak test beside it asserts on fewer; run it with --release -- --ignored --nocapture --test-threads=1"]
fn many_runs() {
    let graph = grid(3);
    let before = resident();
    let start = Instant::now();
    let options = Options { random: 20_000, ..Options::default() };
    let found = walk(&graph, options, Window::on(&NAMES), program(3)).expect("it walks");
    assert!(found.same());
    eprintln!("20,000 random runs: {:.2?}, {} kB more", start.elapsed(), resident() - before);
    let (before, start) = (resident(), Instant::now());
    // Independent steps: nearly every run comes to a state that was seen.
    let found = explore(Window::on(&NAMES), 20_000, || {
        let words: Vec<Word> = (0..4).map(|id| Word::new(id, 0)).collect();
        let nothing = |_: &(Vec<Word>, Vec<u8>)| Observation::new();
        execute(THREADS, (words, vec![0; 4096]), nothing, |me: Me, w| {
            for label in LABELS {
                me.load(label, &w.0[me.0]);
            }
        });
    });
    eprintln!(
        "{} explored runs: {:.2?}, {} kB more",
        found.executions,
        start.elapsed(),
        resident() - before
    );
}
