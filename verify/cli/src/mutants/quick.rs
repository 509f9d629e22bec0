//! The short run: what docs/mutants.md says was noticed, shown once more to the subject that noticed it.
//!
//! No search for a first kill, no second engine, no survivors: a few runs of small subjects. What it cannot miss is that
//! code or scenes have changed so that somebody no longer notices, or that there are mutants which the page lacks.

use super::inventory::{Inventory, Mutant};
use super::page::{self, Killer};
use super::subject::{Ran, Subject};
use super::{Outcome, baseline, in_parallel};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::root::Root;
use crate::runners::Runners;
use std::fmt::Write as _;

pub(super) fn run(root: &Root, runners: &Runners, all: Vec<Subject>) -> Result<Outcome, Failure> {
    let rows = page::rows(root)?;
    let killers = || rows.values().flatten();
    let left_out = rows.values().filter(|killer| killer.is_none()).count();
    let subjects: Vec<Subject> =
        all.into_iter().filter(|subject| killers().any(|killer| killer.is(subject))).collect();
    let (known, mut problems) = baseline(subjects, runners);

    let mutants_of = |with_own: bool| {
        let mut inventory = Inventory::default();
        for (_, ran) in known.iter().filter(|(_, ran)| with_own || !ran.inventory.own_mutant) {
            inventory.merge(&ran.inventory);
        }
        inventory.mutants()
    };
    let mutants = mutants_of(true);
    for mutant in mutants_of(false).iter().filter(|mutant| !rows.contains_key(&mutant.name)) {
        problems.push(format!("{} is not on the page", mutant.name));
    }
    let mut shown: Vec<(Mutant, &Subject, &Ran)> = Vec::new();
    for (name, killer) in &rows {
        let Some(killer) = killer else { continue };
        let mutant = mutants.iter().find(|mutant| mutant.name == *name);
        let subject = known.iter().find(|(subject, _)| killer.is(subject));
        match (mutant, subject) {
            (Some(mutant), Some((subject, ran))) => shown.push((mutant.clone(), subject, ran)),
            (None, _) => problems
                .push(format!("{name} is on the page, and there is no such mutant (any more)")),
            (_, None) => problems.push(format!("{name}: there is no {} (any more)", killer.name())),
        }
    }
    let progress = Progress::new(shown.len());
    let found = in_parallel(
        &shown,
        &progress,
        |(mutant, ..)| mutant.name.clone(),
        |(mutant, subject, before)| {
            let news = subject
                .run(runners, Some((mutant, before)))
                .map(|after| after.news(before, mutant.kind));
            let said = match &news {
                Ok(Some(found)) => found.clone(),
                Ok(None) => "nothing".to_owned(),
                Err(trouble) => trouble.clone(),
            };
            (news, said)
        },
    );
    drop(progress);
    let mut killed = 0;
    for ((mutant, subject, _), news) in shown.iter().zip(found) {
        let problem = match news {
            Ok(Some(_)) => {
                killed += 1;
                continue;
            }
            Ok(None) => format!("{}: {} no longer notices", mutant.name, subject.name()),
            Err(trouble) => format!("{}: {}: {trouble}", mutant.name, subject.name()),
        };
        problems.push(problem);
    }
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "left out: {left_out} listed survivors, other engines and other subjects than the first that noticed, and whether every \
         access is explored; `cargo verify mutants` has them"
    );
    Ok(Outcome { text, mutants: shown.len(), killed, problems })
}

impl Killer {
    fn is(&self, subject: &Subject) -> bool {
        self.engine == subject.engine && self.subject == subject.short()
    }

    fn name(&self) -> String {
        format!("{} ({})", self.subject, self.engine.word())
    }
}
