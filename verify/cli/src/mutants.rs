//! `cargo verify mutants`: the crate broken in every small way, one at a time, and who notices.
//!
//! First every scenario and every model test runs as it is and says which accesses it came to. From those come the
//! mutants: each ordering one notch weaker, each fence and each end of life removed, each wrong turn that the code has a
//! name for. Each mutant is then run against the subjects that come to its site, the smallest first, until one finds
//! what the code as it is does not show.
//!
//! | module | what lives there |
//! |---|---|
//! | `subject` | what can be run: a scenario or a model test under an engine |
//! | `inventory` | the sites that ran, and the mutants of them |
//! | `listed` | verify/mutants.toml: survivors and accesses that nothing explores, with reasons |
//! | `page` | docs/mutants.md and the JSON |
//! | `quick` | what the page says was noticed, shown again to who noticed it |

mod inventory;
mod listed;
mod page;
mod quick;
mod subject;

use crate::args::MutantsArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::protocol::Build;
use crate::root::Root;
use crate::runners::Runners;
use inventory::{Inventory, Mutant};
use listed::Listed;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use subject::{Engine, Ran, Subject};

/// How many processes run at once.
const AT_ONCE: usize = 2;
/// A subject of more executions is not run to see whether a second engine notices too what one has noticed.
const LARGE: u64 = 10_000;

/// What one engine makes of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// The engine cannot see mutants of this kind, or no subject of it comes to the site.
    None,
    /// What was found, and by which subject.
    Killed { found: String, subject: String },
    /// Nothing was found by so many subjects; in which of them the search had another size.
    Survived { subjects: usize, moved: Vec<String> },
}

/// A mutant and what the engines make of it, in the order of [`Engine::ALL`].
#[derive(Debug)]
struct Decided {
    mutant: Mutant,
    verdicts: [Verdict; 3],
    /// What kept a subject from answering.
    troubles: Vec<String>,
}

impl Decided {
    fn killed(&self) -> bool {
        self.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Killed { .. }))
    }
}

/// What a run came to.
struct Outcome {
    text: String,
    mutants: usize,
    killed: usize,
    problems: Vec<String>,
}

/// Runs the mutants. The text for people, and whether all is as listed.
pub(crate) fn run(args: &MutantsArgs) -> Result<(String, bool), Failure> {
    let began = Instant::now();
    let root = Root::find(args.place.root.as_deref())?;
    let runners = Runners::new(&root, args.runners.as_deref());
    let subjects = subject::all(&root, &runners, args.tests_only)?;
    let outcome = if args.quick {
        quick::run(&root, &runners, subjects)?
    } else {
        in_full(args, &root, &runners, subjects)?
    };
    let Outcome { text: mut out, mutants, killed, problems } = outcome;
    // Writing into a String cannot fail.
    let _ = writeln!(out);
    for problem in &problems {
        let _ = writeln!(out, "\u{2717} {problem}");
    }
    let _ = writeln!(
        out,
        "{} {mutants} mutants: {killed} killed, {} survived; {} problems; {}",
        if problems.is_empty() { '\u{2713}' } else { '\u{2717}' },
        mutants - killed,
        problems.len(),
        crate::number::time(began.elapsed().as_secs_f64())
    );
    Ok((out, problems.is_empty()))
}

/// The subjects as they run without a mutant, the smallest first; and those that fail.
fn baseline(subjects: Vec<Subject>, runners: &Runners) -> (Vec<(Subject, Ran)>, Vec<String>) {
    let progress = Progress::new(subjects.len());
    let baseline = in_parallel(&subjects, &progress, Subject::name, |subject| {
        let ran = subject.run(runners, None);
        let said = ran.as_ref().map_or_else(Clone::clone, Ran::say);
        (ran, said)
    });
    drop(progress);
    let (mut known, mut problems) = (Vec::new(), Vec::new());
    for (subject, ran) in subjects.into_iter().zip(baseline) {
        match ran {
            Ok(ran) => known.push((subject, ran)),
            Err(error) => problems.push(format!(
                "{} fails without a mutant, so nothing rests on it; run it: {}\n{error}",
                subject.name(),
                subject.by_hand()
            )),
        }
    }
    known.sort_by_key(|(subject, ran)| (ran.executions, subject.name()));
    (known, problems)
}

/// Every mutant, under every engine that can see it.
fn in_full(
    args: &MutantsArgs,
    root: &Root,
    runners: &Runners,
    subjects: Vec<Subject>,
) -> Result<Outcome, Failure> {
    let listed = Listed::load(root)?;
    let (known, mut problems) = baseline(subjects, runners);
    let mut inventory = Inventory::default();
    // A program that switches a mutant on by itself says nothing about the code as it is.
    for (_, ran) in known.iter().filter(|(_, ran)| !ran.inventory.own_mutant) {
        inventory.merge(&ran.inventory);
    }
    problems.extend(inventory.problems());
    problems.extend(listed.hold_against_the_source(root, &inventory)?);

    let mutants: Vec<Mutant> = inventory
        .mutants()
        .into_iter()
        .filter(|mutant| {
            args.filters.is_empty()
                || args.filters.iter().any(|part| mutant.name.contains(part.as_str()))
        })
        .collect();
    if mutants.is_empty() {
        return Err(Failure::new(
            format!("no mutant's name contains {}", args.filters.join(" or ")),
            "`cargo verify mutants` without a word runs and names them all",
        ));
    }
    let progress = Progress::new(mutants.len());
    let decided = in_parallel(
        &mutants,
        &progress,
        |mutant| mutant.name.clone(),
        |mutant| {
            let decided = decide(mutant, &known, runners);
            let said = page::verdict_in_words(&decided);
            (decided, said)
        },
    );
    drop(progress);

    problems.extend(listed.hold_against(&decided, args.filters.is_empty()));
    for one in &decided {
        problems
            .extend(one.troubles.iter().map(|trouble| format!("{}: {trouble}", one.mutant.name)));
    }
    if args.filters.is_empty() {
        problems.extend(page::check(root, &decided, &listed, args.update));
    }
    if let Some(file) = &args.json {
        page::write_json(&decided, file)?;
    }
    Ok(Outcome {
        text: page::table(&decided, 48),
        mutants: decided.len(),
        killed: decided.iter().filter(|one| one.killed()).count(),
        problems,
    })
}

/// Runs a mutant under each engine that can see it, on the smallest subjects first, up to the first kill.
fn decide(mutant: &Mutant, known: &[(Subject, Ran)], runners: &Runners) -> Decided {
    let mut troubles = Vec::new();
    let (mut applied, mut killed) = (false, false);
    let verdicts = Engine::ALL.map(|engine| {
        let mut verdict = Verdict::None;
        let once_more = killed;
        if !mutant.is_seen_by(engine) {
            return verdict;
        }
        let comes_to_it = |ran: &Ran| ran.inventory.has(mutant);
        for (subject, before) in
            known.iter().filter(|(subject, ran)| subject.engine == engine && comes_to_it(ran))
        {
            // What is wrong anyway says little of one more mistake; but there it shows who can no longer see.
            let wrong = before.inventory.own_mutant || !before.found.is_empty();
            if wrong && !mutant.kind.blinds() || once_more && before.executions > LARGE {
                continue;
            }
            let after = match subject.run(runners, Some((mutant, before))) {
                Ok(after) => after,
                Err(trouble) => {
                    troubles.push(format!("{}: {trouble}", subject.name()));
                    continue;
                }
            };
            applied |= after.inventory.applied;
            if let Some(found) = after.news(before, mutant.kind) {
                killed = true;
                return Verdict::Killed { found, subject: subject.short() };
            }
            if let Verdict::None = verdict {
                verdict = Verdict::Survived { subjects: 0, moved: Vec::new() };
            }
            if let Verdict::Survived { subjects, moved } = &mut verdict {
                *subjects += 1;
                if after.executions != before.executions {
                    moved.push(format!(
                        "{} {} \u{2192} {}",
                        subject.short(),
                        crate::number::count(before.executions),
                        crate::number::count(after.executions)
                    ));
                }
            }
        }
        verdict
    });
    let decided = Decided { mutant: mutant.clone(), verdicts, troubles };
    if applied || decided.killed() {
        return decided;
    }
    let mut decided = decided;
    decided.troubles.push("it changed nothing in any run; no verdict can rest on that".to_owned());
    decided
}

/// Does the work on all of them, some at a time; the results are in their order.
fn in_parallel<T: Sync, R: Send>(
    all: &[T],
    progress: &Progress,
    name: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T) -> (R, String) + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let one_after_another = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = all.get(at) else { break };
            let name = name(item);
            progress.start(&name);
            let (result, said) = work(item);
            progress.finish(&name, &said);
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(at, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(all.len()) {
            scope.spawn(one_after_another);
        }
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.into_values().collect()
}

/// The builds that mutants are switched on in.
const BUILDS: [Build; 2] = [Build::Loom, Build::Shuttle];
