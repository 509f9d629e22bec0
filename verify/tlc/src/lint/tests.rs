use super::*;

/// The problems of a module in a project whose only Rust file is `src/latch.rs`.
fn problems(text: &str) -> Vec<String> {
    let root = tempfile::tempdir().expect("a temp folder");
    std::fs::create_dir(root.path().join("src")).expect("a folder");
    std::fs::write(root.path().join("src/latch.rs"), "").expect("a file");
    std::fs::write(root.path().join("src/latch.c"), "").expect("a file");
    lint(text, Path::new("spec/Latch.tla"), root.path()).iter().map(ToString::to_string).collect()
}

fn algorithm(body: &str) -> Vec<String> {
    problems(&format!(
        "---- MODULE Latch ----\n(* Code: src/latch.rs *)\n(* --algorithm RCU {{\n{body}\n}} *)\n====\n"
    ))
}

#[test]
fn a_module_that_keeps_the_rules_has_no_problems() {
    let found = algorithm(
        "variables x = [a : Nat]; s = {y : y \\in {1, 2}};\n\
         define { Every == \\A P \\in {1} : P = 1\n Few == {Q : Q \\in {1}} }\n\
         macro get(N) { N := N + 1; }\n\
         fair process (taker \\in {\"a:\", \"b\"})\n variable seen = 0;\n{\n\
         check_1: seen := x; \\* Wrong: goto check_1\n\
         if (\\E Q \\in s : Q = 1) { goto check_2 } else { with (v \\in {W : W \\in s}) { x := v } };\n\
         check_2: while (x = [B : {1}]) { x := 2; inner: skip; };\n\
         last: either { goto check_1 } or { other: skip };\n }",
    );
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_header_names_a_rust_file_that_exists() {
    assert_eq!(
        problems("---- MODULE L ----\n===="),
        ["spec/Latch.tla:1: no comment says which Rust file this mirrors (`Code: path`)"]
    );
    assert_eq!(
        problems("---- MODULE L ----\n(* Code: src/latch.rs, gone.rs, src/latch.c.   *)\n===="),
        [
            "spec/Latch.tla:2: `Code:` names src/gone.rs, which does not exist",
            "spec/Latch.tla:2: `Code:` names src/latch.c, which is no Rust file",
        ]
    );
    assert_eq!(
        problems("(* Code: src/latch.rs,\n         gone.rs *)\n===="),
        ["spec/Latch.tla:1: `Code:` names src/gone.rs, which does not exist"],
        "a comma at the end goes on in the next line"
    );
    assert_eq!(problems("\\* Code:\n===="), ["spec/Latch.tla:1: `Code:` names no file"]);
}

#[test]
fn each_broken_rule_is_a_problem_at_its_line() {
    let found = algorithm(
        "process (taker \\in {1})\n{\n\
         Check: x := 1;\n\
         spin: if (x = 1) { goto spin };\n\
         loop: while (x = 1) { x := 2 };\n\
         camelCase: call f();\n\
         last: x := IF x = 0 THEN 0 ELSE x - 1;\n\
         }\n\
         procedure f() { in_f: return }",
    );
    insta::assert_snapshot!(found.join("\n"), @r"
    spec/Latch.tla:6: label `Check` is not lower-case snake_case
    spec/Latch.tla:7: label `spin` jumps to itself: a spin is two labels
    spec/Latch.tla:8: label `loop` jumps to itself: its `while` has no other label
    spec/Latch.tla:9: label `camelCase` is not lower-case snake_case
    spec/Latch.tla:9: procedures put a stack into the state: use a macro
    spec/Latch.tla:10: `x` is kept from going below 0: let it, and have an invariant say that it does not
    spec/Latch.tla:12: procedures put a stack into the state: use a macro
    ");
}

#[test]
fn a_masked_underflow_is_found_in_all_its_shapes() {
    let header = "(* Code: src/latch.rs *)\n";
    for expression in [
        "IF n = 0 THEN 0 ELSE n - 1",
        "IF n[self].count <= 0 THEN 0 ELSE n[self].count - 1",
        "IF n < 1 THEN n ELSE n - 1",
        "IF n > 0 THEN n - 1 ELSE 0",
        "IF n # 0 THEN n - 1 ELSE n",
    ] {
        assert_eq!(problems(&format!("{header}F == {expression}\n====")).len(), 1, "{expression}");
    }
    for expression in [
        "IF n = 0 THEN 1 ELSE n - 1",
        "IF n = 0 THEN 0 ELSE m - 1",
        "IF n = 0 THEN 0 ELSE n + 1",
        "IF n = 0 THEN 0",
        "IF n",
    ] {
        assert!(problems(&format!("{header}F == {expression}\n====")).is_empty(), "{expression}");
    }
    let comment = "(* IF n = 0 THEN 0 ELSE n - 1 (* nested *) *)\n";
    assert!(problems(&format!("{header}{comment}===")).is_empty());
}

#[test]
fn a_translation_is_not_committed() {
    let header = "(* Code: src/latch.rs *)\n";
    let made = "\\* BEGIN TRANSLATION\nVARIABLE x\n\\* END TRANSLATION\n";
    assert_eq!(
        problems(&format!("{header}{made}===")),
        ["spec/Latch.tla:2: a translation is committed; it is made at run time"]
    );
    let empty = "\\* BEGIN TRANSLATION\n\\* END TRANSLATION\n";
    assert!(problems(&format!("{header}{empty}===")).is_empty());
}

#[test]
fn no_text_makes_it_panic() {
    for text in [
        "",
        "(*",
        "\"",
        "\\",
        "(* --algorithm",
        "(* --algorithm X { while",
        "é(* ü *)\"é",
        "IF",
        "}",
        "\"a\\",
    ] {
        let _ = problems(text);
        let _ = algorithm(text);
    }
}
