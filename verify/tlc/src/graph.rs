//! The graph question: what TLC dumped, held against the committed graph.

use std::path::Path;

use lockstep::graph::{Graph, Schedules};

use crate::model::Model;
use crate::outcome::Outcome;
use crate::process::dump_name;

/// Reads the dump from the build folder, puts its numbers into the outcome and compares it with
/// `spec/graphs/NAME.graph`; in update mode that file is written.
pub(crate) fn compare(
    root: &Path,
    folder: &Path,
    model: &Model,
    outcome: &mut Outcome,
    update: bool,
) {
    let graph = match read_dump(folder, model) {
        Ok(graph) => graph,
        Err(why) => return outcome.problems.push(why),
    };
    let stats = graph.stats();
    outcome.edges = Some(stats.edges as u64);
    outcome.schedules = Some(match stats.schedules {
        Schedules::Exact(number) => number.to_string(),
        Schedules::Overflow => "overflow".to_owned(),
        Schedules::Cyclic => "cyclic".to_owned(),
    });
    // TLC's own count guards against a dump that was read or written only in part.
    let dumped = stats.states as u64;
    if let Some(counted) = outcome.distinct.filter(|counted| *counted != dumped) {
        let problem = format!("the dump has {dumped} states, but TLC counted {counted}");
        return outcome.problems.push(problem);
    }

    let shown = format!("spec/graphs/{}.graph", model.name);
    let path = root.join(&shown);
    let difference = match std::fs::read_to_string(&path) {
        Ok(text) => match lockstep::compact::read(&text) {
            Ok(committed) => committed.diff(&graph).map(|difference| {
                format!("{shown} (here) and TLC's graph (there) differ: {difference}")
            }),
            Err(error) => Some(format!("{shown}: {error}")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("{shown} does not exist yet"))
        }
        Err(error) => Some(format!("{shown}: {error}")),
    };
    match difference {
        None => {}
        Some(difference) if !update => outcome.problems.push(difference),
        Some(_) => {
            let text = lockstep::compact::write(&graph);
            let folder = root.join("spec/graphs");
            match std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text)) {
                Ok(()) => outcome.pinned.push(format!("{shown} written")),
                Err(error) => outcome.problems.push(format!("{shown}: {error}")),
            }
        }
    }
}

fn read_dump(folder: &Path, model: &Model) -> Result<Graph, String> {
    let path = folder.join(dump_name(model));
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("TLC's graph dump: {error}"))?;
    lockstep::dot::parse(&model.name, &model.module, &text)
        .map_err(|error| format!("TLC's graph dump: {error}"))
}
