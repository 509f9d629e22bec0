//! Holds a TLC state graph against running Rust code, state by state and edge by edge.
//!
//! TLC, the model checker of TLA+, explores every state of a specification and can write the whole graph to a file.
//! This crate reads that file and drives the Rust code that the specification is of along every edge of it, under
//! [`shuttle`]. The two are the same, or the report says at which step of which thread they part.
//!
//! - [`mod@walk`]: drives the code along the graph and compares.
//! - [`mod@explore`]: every interleaving of the code, without a graph, and what broke in it.
//! - [`probe`]: what the code shows of itself for that. [`divergence`]: the report.
//! - [`dot`]: what TLC writes with `-dump dot,actionlabels`. [`compact`]: a form to commit.
//! - [`graph`]: the graph, its measures, shortest traces, the first difference of two graphs. [`value`]: the values
//!   of TLA+. [`delta`]: what a step changes. [`diagram`]: a race as it is drawn in a commit message.
//!
//! # An example
//!
//! Two threads add one to a counter. In PlusCal:
//!
//! ```text
//! variable n = 0;
//! process adder \in {"a", "b"} begin add: n := n + 1; end process;
//! ```
//!
//! `java -cp tla2tools.jar tlc2.TLC -deadlock -dump dot,actionlabels Add.dot Add.tla` writes its graph. The code
//! needs a label over each shared access: a table of where each thread stands, entered before shuttle's scheduling
//! point, of which there is one before each of shuttle's operations. A [`Probe`](probe::Probe) shows the table and the
//! variables.
//!
//! ```
//! use lockstep::probe::{Event, Observation, Position, Probe};
//! use lockstep::walk::{Options, Walk, walk};
//! use shuttle::sync::atomic::{AtomicU32, Ordering::SeqCst};
//! use std::cell::RefCell;
//! use std::panic::Location;
//! use std::sync::Arc;
//!
//! // shuttle runs all of a program's threads on one system thread.
//! thread_local! {
//!     static STAND: RefCell<Vec<Position>> = const { RefCell::new(Vec::new()) };
//!     static N: RefCell<Option<Arc<AtomicU32>>> = const { RefCell::new(None) };
//! }
//!
//! fn stand(thread: usize, position: Position) {
//!     STAND.with_borrow_mut(|all| all[thread] = position);
//! }
//!
//! #[track_caller]
//! fn at(thread: usize, label: &'static str) {
//!     let location = Location::caller().to_string();
//!     stand(thread, Position::At { label, enabled: true, location });
//! }
//!
//! struct Window;
//!
//! impl Probe for Window {
//!     fn positions(&self) -> Vec<Position> {
//!         STAND.with_borrow(Clone::clone)
//!     }
//!     fn observe(&self) -> Observation {
//!         // SAFETY: all threads of the program stand still.
//!         let n = N.with_borrow(|n| n.as_ref().map(|n| unsafe { n.raw_load() }));
//!         n.into_iter().map(|n| ("n".to_owned(), n.into())).collect()
//!     }
//!     fn choose(&self, thread: usize) {
//!         stand(thread, Position::Running);
//!     }
//!     fn stop(&self) {
//!         STAND.with_borrow_mut(Vec::clear);
//!     }
//!     fn threads(&self) -> Vec<String> {
//!         vec!["a".to_owned(), "b".to_owned()]
//!     }
//!     // For `explore` only.
//!     fn class(&self) -> u64 {
//!         0
//!     }
//!     fn events(&self) -> Vec<Event> {
//!         Vec::new()
//!     }
//! }
//!
//! fn faithful(thread: usize, n: &AtomicU32) {
//!     at(thread, "add");
//!     n.fetch_add(1, SeqCst);
//! }
//!
//! fn racy(thread: usize, n: &AtomicU32) {
//!     at(thread, "add");
//!     let old = n.load(SeqCst);
//!     at(thread, "store");
//!     n.store(old + 1, SeqCst);
//! }
//!
//! fn program(add: fn(usize, &AtomicU32)) {
//!     STAND.set(vec![Position::Running, Position::Running]);
//!     let n = Arc::new(AtomicU32::new(0));
//!     N.set(Some(Arc::clone(&n)));
//!     let run = move |thread, n: Arc<AtomicU32>| {
//!         add(thread, &n);
//!         stand(thread, Position::Done);
//!     };
//!     let other = Arc::clone(&n);
//!     let other = shuttle::thread::spawn(move || run(1, other));
//!     run(0, n);
//!     other.join().unwrap();
//! }
//!
//! let dump = r#"strict digraph DiskGraph {
//! 1 [label="/\\ n = 0\n/\\ pc = [a |-> \"add\", b |-> \"add\"]",style = filled]
//! 1 -> 2 [label="add"];
//! 2 [label="/\\ n = 1\n/\\ pc = [a |-> \"Done\", b |-> \"add\"]"];
//! 1 -> 3 [label="add"];
//! 3 [label="/\\ n = 1\n/\\ pc = [a |-> \"add\", b |-> \"Done\"]"];
//! 2 -> 4 [label="add"];
//! 3 -> 4 [label="add"];
//! 4 [label="/\\ n = 2\n/\\ pc = [a |-> \"Done\", b |-> \"Done\"]"];
//! }"#;
//! let graph = lockstep::dot::parse("add", "Add", dump)?;
//!
//! let found: Walk = walk(&graph, Options::default(), Window, || program(faithful))?;
//! assert!(found.same());
//! assert_eq!((found.states_covered, found.edges_covered), (4, 4));
//! assert_eq!(found.blind_runs, Some(2), "both orders, and no other");
//!
//! let found = walk(&graph, Options::default(), Window, || program(racy))?;
//! let report = found.divergence.expect("it is not the same").to_string();
//! assert!(report.contains("a: the spec is done, the code before store ("));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What "the same" means
//!
//! [`Walk::same`](walk::Walk::same) says that the code was run so that
//!
//! 1. it was in every state of the graph and took every edge, the steps into the terminal states included;
//! 2. wherever it was, the label before which each thread stands was the spec's `pc`, and each variable that is not
//!    [unobserved](walk::Options::unobserved) had the spec's value, and the code showed no variable that the spec lacks;
//! 3. wherever it was, the threads that could do a step were those that have an edge;
//! 4. each step led to the end of an edge of that thread, and of one only;
//! 5. the same held in so many whole [random](walk::Options::random) schedules;
//! 6. where the graph has no cycle and no more maximal paths than [`blind_limit`](walk::Options::blind_limit), every
//!    schedule of the code was run, with the same checks, and there were as many as paths.
//!
//! Which thread an edge moves is read off `pc`. So a label must not jump to itself, and one step moves one thread. One
//! label is one operation of shuttle's and the local code up to the thread's next.
//!
//! # What it does not see
//!
//! - **What is neither in the spec's state nor observed.** Two ways to the same state of the spec are taken to lead on
//!   alike. Where the code remembers more, one way may be followed and the other not. This is what 5 samples and 6
//!   rules out.
//! - **Weak memory.** shuttle is sequentially consistent: memory orderings, fences and data races are not looked at.
//! - **What is not labelled** and gives shuttle no turn: plain fields count as part of the step in which they are used.
//! - **Liveness.** Both sides have the same paths; whether a fair one ends is TLC's question.
//! - **A wrong probe.** It is trusted in what it shows. One that computes the spec's variables from the labels, say,
//!   proves nothing.
//! - **Other constants** than those of the graph.

pub mod compact;
pub mod delta;
pub mod diagram;
pub mod divergence;
pub mod dot;
mod drive;
pub mod explore;
pub mod graph;
mod plan;
pub mod probe;
pub mod value;
pub mod walk;
