//! What a good register says, and what each kind of mistake is answered with.

use claims::{Engine, Expect, Model, Problems, Register, Verdict};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const GOOD: &str = r#"
[[claim]]
id = "count.resurrect"
source = "000#4 #17 #18"
statement = "taking a reference from zero brings a dying file back"
verdict = "violated"
meaning = "get_file() on a file whose count is zero ends in a second release."

[[claim.case]]
name = "2023"
scenario = "epoll-2023"
model = "epoll-2023-resurrect"
engines = ["shuttle", "tlc", "threads"]
property = "NoResurrect"
expect = "violated"
except = { threads = "the window is a few instructions wide" }

[[claim]]
id = "count.identity"
source = "000"
statement = "the re-check after the get makes a lookup right"
verdict = "violated without, holds with"
meaning = "A slot may hold another object by the time the get succeeds."

[[claim.case]]
name = "without"
scenario = "stash-bare"
engines = ["loom"]
property = "Identity"
expect = "violated"

[[claim.case]]
name = "with"
scenario = "stash-recheck"
engines = ["loom"]
property = "Identity"
expect = "holds"
"#;

fn parse(text: &str) -> Result<Register, Problems> {
    Register::parse([("verify/claims/count.toml".to_owned(), text.to_owned())])
}

/// Every problem as the terminal shows it, without colours.
fn shown(problems: &Problems) -> String {
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut out = String::new();
    for problem in problems.iter() {
        handler.render_report(&mut out, problem).unwrap();
    }
    out
}

fn shown_for(text: &str) -> String {
    shown(&parse(text).expect_err("this register has something wrong"))
}

#[test]
fn a_claim_is_read_whole() {
    let register = parse(GOOD).unwrap();
    let claim = register.claim("count.resurrect").unwrap();
    assert_eq!(claim.verdict, Verdict::Violated);
    let case = &claim.cases[0];
    assert_eq!(case.expect, Expect::Violated);
    assert_eq!(case.scenario.as_deref(), Some("epoll-2023"));
    assert_eq!(case.place.to_string(), "verify/claims/count.toml:15");
}

#[test]
fn an_excepted_engine_does_not_decide_and_the_others_stand_in_table_order() {
    let register = parse(GOOD).unwrap();
    let case = &register.claim("count.resurrect").unwrap().cases[0];
    assert_eq!(case.engines, [Engine::Tlc, Engine::Shuttle]);
    assert_eq!(case.except[0].engine, Engine::Threads);
}

#[test]
fn words_select_by_id_glob_or_beginning() {
    let register = parse(GOOD).unwrap();
    let ids = |words: &[&str]| {
        let claims = register.select(words).unwrap();
        claims.into_iter().map(|claim| claim.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["count.resurrect", "count.identity"]);
    assert_eq!(ids(&["count.identity", "count.resurrect"]), ids(&[]));
    assert_eq!(ids(&["count.id*"]), ["count.identity"]);
    assert_eq!(ids(&["count"]), ids(&["count.*"]));
}

#[test]
fn a_misspelt_id_is_answered_with_the_nearest() {
    let register = parse(GOOD).unwrap();
    let error = register.select(&["count.resurect"]).unwrap_err();
    assert_eq!(error.to_string(), "no claim `count.resurect`");
    assert_eq!(error.nearest.as_deref(), Some("count.resurrect"));
    assert_eq!(register.select(&["zzz"]).unwrap_err().nearest, None);
}

#[test]
fn an_unknown_field_is_an_error_at_its_line() {
    insta::assert_snapshot!(shown_for(&GOOD.replacen("meaning =", "meening =", 1)));
}

#[test]
fn a_missing_field_is_an_error_at_its_claim() {
    let text = GOOD.replacen(
        "statement = \"taking a reference from zero brings a dying file back\"\n",
        "",
        1,
    );
    insta::assert_snapshot!(shown_for(&text));
}

#[test]
fn broken_toml_is_an_error_at_its_line() {
    insta::assert_snapshot!(shown_for(&GOOD.replacen("\"violated\"\n", "\"violated\n", 1)));
}

#[test]
fn unknown_words_are_all_reported_with_the_nearest_known_one() {
    let text = GOOD
        .replacen("\"shuttle\"", "\"shutle\"", 1)
        .replacen("expect = \"holds\"", "expect = \"hold\"", 1)
        .replacen("without, holds with", "or not", 1);
    insta::assert_snapshot!(shown_for(&text));
}

#[test]
fn a_second_use_of_an_id_names_the_first() {
    insta::assert_snapshot!(shown_for(&GOOD.replace("count.identity", "count.resurrect")));
}

#[test]
fn a_case_that_nothing_decides_is_an_error() {
    let text = GOOD.replacen("engines = [\"shuttle\", \"tlc\", \"threads\"]\n", "", 1).replacen(
        "engines = [\"loom\"]",
        "engines = [\"loom\"]\nexcept = { loom = \"no\" }",
        1,
    );
    insta::assert_snapshot!(shown_for(&text));
}

#[test]
fn a_verdict_that_no_case_bears_out_is_an_error() {
    let text = GOOD.replacen("verdict = \"violated\"", "verdict = \"holds\"", 1);
    insta::assert_snapshot!(shown_for(&text));
}

#[test]
fn an_engine_needs_what_it_runs() {
    let text = GOOD.replacen("model = \"epoll-2023-resurrect\"\n", "", 1).replacen(
        "scenario = \"stash-bare\"\n",
        "",
        1,
    );
    insta::assert_snapshot!(shown_for(&text));
}

#[test]
fn a_note_may_be_left_out_but_not_empty() {
    assert_eq!(parse(GOOD).unwrap().claims[0].note, None);
    let noted = |note: &str| GOOD.replacen("meaning =", &format!("note = {note:?}\nmeaning ="), 1);
    let register = parse(&noted("It is worse than that.")).unwrap();
    assert_eq!(register.claims[0].note.as_deref(), Some("It is worse than that."));
    insta::assert_snapshot!(shown_for(&noted(" ")));
}

#[test]
fn a_claim_without_cases_is_an_error() {
    let text = &GOOD[..GOOD.find("[[claim.case]]").unwrap()];
    insta::assert_snapshot!(shown_for(text));
}

#[test]
fn a_model_must_be_listed_and_its_module_must_exist() {
    let register = parse(GOOD).unwrap();
    let spec = tempfile::tempdir().unwrap();
    let model = |name: &str, module: &str| {
        (
            name.to_owned(),
            Model {
                module_file: module.to_owned(),
                checks: vec!["NoResurrect".to_owned()],
                witness: false,
            },
        )
    };
    let near = BTreeMap::from([model("epoll-2023-resurect", "Epoll.tla")]);
    insta::assert_snapshot!(
        "a_model_must_be_listed",
        shown(&register.check_models(&near, spec.path()).unwrap_err())
    );
    let listed = BTreeMap::from([model("epoll-2023-resurrect", "Epoll.tla")]);
    insta::assert_snapshot!(
        "a_module_must_exist",
        shown(&register.check_models(&listed, spec.path()).unwrap_err())
    );
    fs::write(spec.path().join("Epoll.tla"), "").unwrap();
    register.check_models(&listed, spec.path()).unwrap();
}

#[test]
fn a_model_must_ask_about_the_case() {
    let register = parse(
        &GOOD
            .replacen("\"NoResurrect\"", "\"NoResurect\"", 1)
            .replacen(
                "engines = [\"loom\"]\nproperty = \"Identity\"\nexpect = \"holds\"",
                "engines = [\"loom\", \"tlc\"]\nmodel = \"stash\"\nproperty = \"Other\"\nexpect = \"reachable\"",
                1,
            )
            .replacen("violated without, holds with", "violated", 1),
    )
    .unwrap();
    let spec = tempfile::tempdir().unwrap();
    fs::write(spec.path().join("M.tla"), "").unwrap();
    let model = Model {
        module_file: "M.tla".to_owned(),
        checks: vec!["NoResurrect".to_owned()],
        witness: false,
    };
    let known = BTreeMap::from([
        ("epoll-2023-resurrect".to_owned(), model.clone()),
        ("stash".to_owned(), model),
    ]);
    insta::assert_snapshot!(shown(&register.check_models(&known, spec.path()).unwrap_err()));
}

#[test]
fn a_scenario_must_exist_and_run_under_the_engines_named() {
    let register = parse(GOOD).unwrap();
    let scenario = |name: &str, engines: &[Engine]| {
        (name.to_owned(), engines.iter().copied().collect::<BTreeSet<_>>())
    };
    let known = BTreeMap::from([
        scenario("epoll-2023", &[Engine::Shuttle]),
        scenario("stash-bare", &[Engine::Shuttle, Engine::Threads]),
    ]);
    insta::assert_snapshot!(shown(&register.check_scenarios(&known).unwrap_err()));
}

#[test]
fn a_folder_is_read_in_the_order_of_names_without_cargos_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = GOOD.split_at(GOOD.rfind("[[claim]]").unwrap());
    fs::write(folder.path().join("b.toml"), first).unwrap();
    fs::write(folder.path().join("a.toml"), second).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[package]\n").unwrap();
    let register = Register::load(folder.path(), "verify/claims").unwrap();
    let ids: Vec<&str> = register.claims.iter().map(|claim| claim.id.as_str()).collect();
    assert_eq!(ids, ["count.identity", "count.resurrect"]);
    assert_eq!(register.claims[0].place.file(), "verify/claims/a.toml");
}

#[test]
fn a_folder_without_claims_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(shown(&Register::load(folder.path(), "verify/claims").unwrap_err()));
}
