//! The numbers of VERIFICATION.md are those of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// The tables of this name in a TOML text.
fn tables(text: &str, name: &str) -> Vec<toml::Table> {
    let whole: toml::Table = text.parse().unwrap();
    let Some(toml::Value::Array(found)) = whole.get(name) else { return Vec::new() };
    found.iter().filter_map(toml::Value::as_table).cloned().collect()
}

/// A number as the page writes it.
fn number(of: usize) -> String {
    let digits = of.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
fn the_counts_are_those_of_the_repository() {
    let models = tables(&read("spec/models.toml"), "model");
    let mut modules: Vec<_> = models.iter().map(|model| model["module"].to_string()).collect();
    modules.sort_unstable();
    modules.dedup();
    let graphs = files("spec/graphs", "graph").len();
    let claims: Vec<_> = files("verify/claims", "toml")
        .iter()
        .flat_map(|file| tables(&read(file), "claim"))
        .collect();
    let cases: usize = claims.iter().map(|claim| claim["case"].as_array().unwrap().len()).sum();
    let page = read("docs/mutants.md");
    let mutants = page.lines().find(|line| line.contains(" mutants, ")).unwrap();
    let safety = Command::new(env!("CARGO_BIN_EXE_graceref-verify"))
        .arg("safety")
        .current_dir(root())
        .output()
        .unwrap();
    let safety = String::from_utf8(safety.stdout).unwrap();
    let safety = safety.lines().last().unwrap().split(':').next().unwrap();
    let lines = [
        format!("| TLC configurations | {}, of {} modules |", number(models.len()), modules.len()),
        format!("| state graphs, each walked by lockstep | {} |", number(graphs)),
        format!("| claims | {}, of {} cases |", number(claims.len()), number(cases)),
        format!("| mutants | {} |", mutants.trim_end_matches('.')),
        format!("| comments | {safety} |"),
    ];
    let page = read("VERIFICATION.md");
    for line in lines {
        assert!(page.lines().any(|found| found == line), "VERIFICATION.md lacks the line\n{line}");
    }
}
