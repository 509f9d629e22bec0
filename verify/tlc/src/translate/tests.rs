use super::*;

#[test]
fn variables_come_in_the_order_of_declaration() {
    let text = "VARIABLES word, owners,\n          pc\n\n(* define *)\nTypeOK == TRUE\n\n\
                VARIABLE seen\n\nvars == << word, owners, pc, seen >>\n\\* VARIABLE none\n";
    assert_eq!(declared_variables(text), ["word", "owners", "pc", "seen"]);
    assert!(declared_variables("---- MODULE Empty ----").is_empty());
}

#[test]
fn the_translators_errors_name_the_file_in_spec() {
    let expected = "pcal.trans Version 1.9 of 10 July 2019\n\nUnrecoverable error:\n \
                    -- Expected \":=\" but found \";\"\n    line 8, column 17.\n\n";
    let missing = "\nUnrecoverable error:\n -- Missing label at the following location:\n     \
                   line 12, column 5\n";
    let said = [
        expected,
        missing,
        "\nUnrecoverable error:\n -- Beginning of algorithm string --algorithm not found\n",
        "???",
    ]
    .map(|said| pcal_error("Epoll", said));
    insta::assert_snapshot!(said.join("\n"), @r#"
    spec/Epoll.tla:8:17: Expected ":=" but found ";"
    spec/Epoll.tla:12:5: Missing label at the following location:
    spec/Epoll.tla: Beginning of algorithm string --algorithm not found
    spec/Epoll.tla: the PlusCal translator failed: ???
    "#);
}

#[test]
fn a_module_reaches_those_that_it_names() {
    let root = tempfile::tempdir().expect("a temp folder");
    let spec = root.path().join("spec");
    std::fs::create_dir(&spec).expect("a folder");
    for (name, text) in [
        ("A", "EXTENDS Naturals, B"),
        ("B", "X == INSTANCE C\n(* --algorithm B {"),
        ("C", "CONSTANT Limit"),
        ("D", "EXTENDS A"),
    ] {
        std::fs::write(spec.join(format!("{name}.tla")), text).expect("a module");
    }
    let mut build = Build::copy(root.path()).expect("a build folder");
    assert_eq!(build.reach("A").into_iter().collect::<Vec<_>>(), ["A", "B", "C"]);
    assert!(build.needs_translation("B") && !build.needs_translation("A"));
    assert!(build.mentions("A", "Limit") && !build.mentions("A", "Limi"));
    build.translated("B", Err("broken".to_owned()));
    assert_eq!(build.failure("D"), Some("broken"));
    assert_eq!(build.failure("C"), None);
}
