//! Holds a TLC state graph against running Rust code, state by state and edge by edge.
//!
//! TLC, the model checker of TLA+, explores every state of a specification and can write the whole
//! graph to a file. This crate reads that file, keeps it in a form that can be committed and
//! compared, and offers it to code that steps through an implementation:
//!
//! - [`value`]: the values of TLA+, read and printed in TLC's syntax.
//! - [`dot`]: what TLC writes with `-dump dot,actionlabels`.
//! - [`graph`]: the graph in canonical form, its measures, shortest traces, and the first
//!   difference of two graphs in words.
//! - [`compact`]: the committed form.
//! - [`delta`]: what a step changes.
//! - [`diagram`]: the diagram of a race as it goes into a commit message.
//!
//! ```
//! use lockstep::diagram::{Diagram, Step};
//! use lockstep::{compact, dot};
//!
//! let dump = r#"strict digraph DiskGraph {
//! 1 [label="/\\ count = 1\n/\\ freed = FALSE",style = filled]
//! 1 -> 2 [label="Put"];
//! 2 [label="/\\ count = 0\n/\\ freed = FALSE"];
//! 2 -> 3 [label="Free"];
//! 3 [label="/\\ count = 0\n/\\ freed = TRUE"];
//! }"#;
//! let graph = dot::parse("put", "Put", dump)?;
//! assert_eq!(compact::read(&compact::write(&graph))?, graph);
//!
//! let freed = graph.variable("freed").ok_or("no such variable")?;
//! let trace = graph.shortest_trace(|state| state[freed] == true.into()).unwrap_or_default();
//! let mut diagram = Diagram::new("How the object is freed", ["CPU0"]);
//! for (edge, node) in trace {
//!     let Some(edge) = edge else { continue };
//!     let mut step = Step::new(0, edge.label());
//!     for change in graph.changes(&graph.states()[edge.from], &graph.states()[node]) {
//!         step = step.note(change.to_string());
//!     }
//!     diagram = diagram.step(step);
//! }
//! let drawn = "\
//! How the object is freed
//!
//! CPU0
//! ----
//! Put    count 1 -> 0
//! Free   freed FALSE -> TRUE
//! ";
//! assert_eq!(diagram.to_string(), drawn);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod compact;
pub mod delta;
pub mod diagram;
pub mod divergence;
pub mod dot;
pub mod explore;
pub mod graph;
mod plan;
pub mod probe;
pub mod value;
pub mod walk;
