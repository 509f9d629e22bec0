//! `cargo verify --list`: the claims chosen and the engines that decide them.

use crate::args::How;
use claims::{Claim, Engine};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Two lines for each claim: its id, verdict and engines, and its statement.
pub(crate) fn render(claims: &[&Claim], how: &How) -> String {
    let mut out = String::new();
    let id = claims.iter().map(|claim| claim.id.chars().count()).max().unwrap_or(0);
    let verdict =
        claims.iter().map(|claim| claim.verdict.word().chars().count()).max().unwrap_or(0);
    let mut listed = 0;
    for claim in claims {
        let engines: BTreeSet<Engine> = claim
            .cases
            .iter()
            .flat_map(|case| &case.engines)
            .copied()
            .filter(|&engine| how.wants(engine))
            .collect();
        if engines.is_empty() {
            continue;
        }
        listed += 1;
        let engines: Vec<&str> = engines.into_iter().map(Engine::word).collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{:id$}  {:verdict$}  {}\n    {} [{}]",
            claim.id,
            claim.verdict,
            engines.join(" "),
            claim.statement,
            claim.source
        );
    }
    let _ = writeln!(
        out,
        "\n{listed} claims; `cargo verify CLAIM` decides, `cargo verify explain CLAIM` tells more"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::args::{Word, Words};
    use crate::made_up;
    use clap::Parser as _;

    #[test]
    fn the_list_names_engines_and_sources() {
        let how = Words::parse_from(["cargo verify"]).verify.how;
        let register = made_up::register();
        let claims: Vec<_> = register.claims.iter().collect();
        insta::assert_snapshot!(render(&claims, &how));
        let Some(Word::Explain(only)) =
            Words::parse_from(["cargo verify", "explain", "x", "--engine", "threads"]).word
        else {
            unreachable!()
        };
        assert!(!render(&claims, &only.how).contains("shuttle"));
    }
}
